//! What the voice says of its own accord: that there is code.

use crate::text::numbers;

/// One language's sentence: with `{n}` lines, with one line, and what comes before the name of the programming language.
struct CodeBlock {
    language: &'static str,
    many: &'static str,
    one: &'static str,
    within: &'static str,
}

const CODE_BLOCKS: [CodeBlock; 8] = [
    CodeBlock {
        language: "en",
        many: "A code block of {n} lines",
        one: "A code block of one line",
        within: " in ",
    },
    CodeBlock {
        language: "de",
        many: "Ein Codeblock mit {n} Zeilen",
        one: "Ein Codeblock mit einer Zeile",
        within: " in ",
    },
    CodeBlock {
        language: "fr",
        many: "Un bloc de code de {n} lignes",
        one: "Un bloc de code d'une ligne",
        within: " en ",
    },
    CodeBlock {
        language: "es",
        many: "Un bloque de código de {n} líneas",
        one: "Un bloque de código de una línea",
        within: " en ",
    },
    CodeBlock {
        language: "it",
        many: "Un blocco di codice di {n} righe",
        one: "Un blocco di codice di una riga",
        within: " in ",
    },
    CodeBlock {
        language: "pt",
        many: "Um bloco de código de {n} linhas",
        one: "Um bloco de código de uma linha",
        within: " em ",
    },
    CodeBlock {
        language: "nl",
        many: "Een codeblok van {n} regels",
        one: "Een codeblok van één regel",
        within: " in ",
    },
    CodeBlock {
        language: "pl",
        many: "Blok kodu, liczba wierszy: {n}",
        one: "Blok kodu, jeden wiersz",
        within: ", język: ",
    },
];

/// How programming languages are called that name themselves otherwise in blocks of code.
const CODE_NAMES: [(&str, &str); 26] = [
    ("rs", "Rust"),
    ("rust", "Rust"),
    ("py", "Python"),
    ("python", "Python"),
    ("js", "JavaScript"),
    ("javascript", "JavaScript"),
    ("ts", "TypeScript"),
    ("typescript", "TypeScript"),
    ("sh", "shell"),
    ("bash", "Bash"),
    ("shell", "shell"),
    ("console", "shell"),
    ("zsh", "shell"),
    ("cpp", "C plus plus"),
    ("c++", "C plus plus"),
    ("cs", "C sharp"),
    ("csharp", "C sharp"),
    ("c", "C"),
    ("html", "HTML"),
    ("css", "CSS"),
    ("json", "JSON"),
    ("yaml", "YAML"),
    ("yml", "YAML"),
    ("sql", "SQL"),
    ("toml", "TOML"),
    ("go", "Go"),
];

/// Says that there is a block of code. In a language without a sentence for it, that there is code is said in English.
pub(crate) fn code_block(language: &str, code: &str, lines: usize) -> String {
    let primary = language.split(['-', '_']).next().unwrap_or_default().to_lowercase();
    let words = CODE_BLOCKS.iter().find(|words| words.language == primary).unwrap_or(&CODE_BLOCKS[0]);
    let number = if words.language == "en" { numbers::cardinal(lines as u64) } else { lines.to_string() };
    let mut said = if lines == 1 { words.one.to_owned() } else { words.many.replace("{n}", &number) };
    if let Some(name) = code_name(code) {
        said += words.within;
        said += &name;
    }
    said + "."
}

fn code_name(code: &str) -> Option<String> {
    let lower = code.to_lowercase();
    if matches!(lower.as_str(), "" | "text" | "txt" | "plaintext" | "plain") {
        return None;
    }
    if let Some((_, name)) = CODE_NAMES.iter().find(|(short, _)| *short == lower) {
        return Some((*name).to_owned());
    }
    let is_word = code.len() <= 20 && code.chars().all(char::is_alphanumeric);
    is_word.then(|| {
        let mut characters = code.chars();
        characters.next().map(|first| first.to_uppercase().chain(characters).collect()).unwrap_or_default()
    })
}
