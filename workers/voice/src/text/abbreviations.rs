//! Words that end in a dot, and what that dot means.

/// What the dot after a word does to the sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dot {
    /// Ends it.
    Ends,
    /// Belongs to the word, which others follow.
    GoesOn,
    /// Belongs to the word, which may be the last one: a capital letter behind it tells.
    EndsBeforeCapital,
    /// Belongs to the word when a number follows.
    GoesOnBeforeNumber,
}

impl Dot {
    /// Whether the sentence goes on when `next` is the first character of the next word.
    pub(crate) fn goes_on_before(self, next: char) -> bool {
        match self {
            Self::Ends => false,
            Self::GoesOn => true,
            Self::EndsBeforeCapital => !next.is_uppercase(),
            Self::GoesOnBeforeNumber => next.is_ascii_digit(),
        }
    }
}

/// What an abbreviation is read as in English, without its dot and in lower case. The third says what the dot does.
const ENGLISH: &[(&str, &str, Dot)] = &[
    ("dr", "Doctor", Dot::GoesOn),
    ("mr", "Mister", Dot::GoesOn),
    ("mrs", "Missus", Dot::GoesOn),
    ("ms", "Miz", Dot::GoesOn),
    ("prof", "Professor", Dot::GoesOn),
    ("rev", "Reverend", Dot::GoesOn),
    ("gen", "General", Dot::GoesOn),
    ("capt", "Captain", Dot::GoesOn),
    ("lt", "Lieutenant", Dot::GoesOn),
    ("sgt", "Sergeant", Dot::GoesOn),
    ("gov", "Governor", Dot::GoesOn),
    ("sen", "Senator", Dot::GoesOn),
    ("e.g", "for example", Dot::GoesOn),
    ("eg", "for example", Dot::GoesOn),
    ("i.e", "that is", Dot::GoesOn),
    ("ie", "that is", Dot::GoesOn),
    ("vs", "versus", Dot::GoesOn),
    ("cf", "compare", Dot::GoesOn),
    ("approx", "approximately", Dot::GoesOn),
    ("mt", "Mount", Dot::GoesOn),
    ("etc", "et cetera", Dot::EndsBeforeCapital),
    ("et al", "and others", Dot::EndsBeforeCapital),
    ("al", "al", Dot::EndsBeforeCapital),
    ("inc", "Incorporated", Dot::EndsBeforeCapital),
    ("ltd", "Limited", Dot::EndsBeforeCapital),
    ("corp", "Corporation", Dot::EndsBeforeCapital),
    ("co", "Company", Dot::EndsBeforeCapital),
    ("jr", "Junior", Dot::EndsBeforeCapital),
    ("sr", "Senior", Dot::EndsBeforeCapital),
    ("dept", "department", Dot::EndsBeforeCapital),
    ("est", "established", Dot::EndsBeforeCapital),
    ("min", "minutes", Dot::EndsBeforeCapital),
    ("max", "maximum", Dot::EndsBeforeCapital),
    ("sec", "seconds", Dot::EndsBeforeCapital),
    ("hr", "hours", Dot::EndsBeforeCapital),
    ("hrs", "hours", Dot::EndsBeforeCapital),
    ("ave", "Avenue", Dot::EndsBeforeCapital),
    ("blvd", "Boulevard", Dot::EndsBeforeCapital),
    ("rd", "Road", Dot::EndsBeforeCapital),
    ("a.m", "a m", Dot::EndsBeforeCapital),
    ("p.m", "p m", Dot::EndsBeforeCapital),
    ("no", "number", Dot::GoesOnBeforeNumber),
    ("fig", "figure", Dot::GoesOnBeforeNumber),
    ("vol", "volume", Dot::GoesOnBeforeNumber),
    ("ch", "chapter", Dot::GoesOnBeforeNumber),
    ("pp", "pages", Dot::GoesOnBeforeNumber),
    ("p", "page", Dot::GoesOnBeforeNumber),
    ("jan", "January", Dot::GoesOnBeforeNumber),
    ("feb", "February", Dot::GoesOnBeforeNumber),
    ("mar", "March", Dot::GoesOnBeforeNumber),
    ("apr", "April", Dot::GoesOnBeforeNumber),
    ("jun", "June", Dot::GoesOnBeforeNumber),
    ("jul", "July", Dot::GoesOnBeforeNumber),
    ("aug", "August", Dot::GoesOnBeforeNumber),
    ("sep", "September", Dot::GoesOnBeforeNumber),
    ("sept", "September", Dot::GoesOnBeforeNumber),
    ("oct", "October", Dot::GoesOnBeforeNumber),
    ("nov", "November", Dot::GoesOnBeforeNumber),
    ("dec", "December", Dot::GoesOnBeforeNumber),
];

/// Abbreviations of other languages, after which a sentence goes on.
const OTHERS: &[&str] = &[
    "bzw", "ca", "d.h", "evtl", "ggf", "hr", "fr", "nr", "st", "str", "usw", "u.a", "vgl", "z.b", "mme",
    "mlle", "sra", "sr", "srta", "ud", "uds", "dott", "sig", "dhr", "mevr", "bijv", "env", "p.ej", "p.ex",
];

/// What the dot after `word` does.
pub(crate) fn dot_after(word: &str) -> Dot {
    let lower = word.to_lowercase();
    if let Some((_, _, dot)) = ENGLISH.iter().find(|(short, ..)| *short == lower) {
        return *dot;
    }
    if OTHERS.contains(&lower.as_str()) {
        return Dot::GoesOn;
    }
    let mut characters = word.chars();
    match (characters.next(), characters.next()) {
        // The initial of a name; "I" is a word.
        (Some(initial), None) if initial.is_uppercase() && initial != 'I' => Dot::GoesOn,
        // U.S, U.N: single letters with dots between them.
        (Some(first), Some('.')) if first.is_alphabetic() && is_dotted(word) => Dot::EndsBeforeCapital,
        _ => Dot::Ends,
    }
}

/// The English words for an abbreviation that is written with a dot, which `short` lacks.
pub(crate) fn in_english(short: &str) -> Option<(&'static str, Dot)> {
    let lower = short.to_lowercase();
    ENGLISH.iter().find(|(known, ..)| *known == lower).map(|(_, words, dot)| (*words, *dot))
}

/// Single letters with dots between them.
pub(crate) fn is_dotted(word: &str) -> bool {
    word.contains('.')
        && word.split('.').all(|part| part.chars().count() == 1 && part.chars().all(char::is_alphabetic))
}
