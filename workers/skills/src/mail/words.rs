//! What is said of mail.

use super::imap::Letters;
use super::letter::{Letter, Recipient};
use crate::language::Language;

/// How much of each mail is read when there are several, in characters.
const GLANCE_CHARS: usize = 300;

/// What was found, with who writes and what.
pub(super) fn found(language: Language, letters: &Letters, unread: bool, from: Option<&str>) -> String {
    let from_them = from.map_or_else(String::new, |from| {
        language.pick([" from {}", " von {}", " de {}", " de {}", " da {}"]).replace("{}", from.trim())
    });
    let counted = match (letters.all, unread) {
        (0, true) => [
            "You have no new mail{f}.",
            "Du hast keine neue Post{f}.",
            "Vous n'avez pas de nouveau message{f}.",
            "No tienes correo nuevo{f}.",
            "Non hai nuova posta{f}.",
        ],
        (0, false) => [
            "There is no mail{f}.",
            "Es gibt keine Post{f}.",
            "Il n'y a pas de message{f}.",
            "No hay correo{f}.",
            "Non c'è posta{f}.",
        ],
        (1, true) => [
            "You have one new mail{f}.",
            "Du hast eine neue Nachricht{f}.",
            "Vous avez un nouveau message{f}.",
            "Tienes un correo nuevo{f}.",
            "Hai un nuovo messaggio{f}.",
        ],
        (1, false) => [
            "There is one mail{f}.",
            "Es gibt eine Nachricht{f}.",
            "Il y a un message{f}.",
            "Hay un correo{f}.",
            "C'è un messaggio{f}.",
        ],
        (_, true) => [
            "You have {n} new mails{f}.",
            "Du hast {n} neue Nachrichten{f}.",
            "Vous avez {n} nouveaux messages{f}.",
            "Tienes {n} correos nuevos{f}.",
            "Hai {n} nuovi messaggi{f}.",
        ],
        (_, false) => [
            "There are {n} mails{f}; the newest:",
            "Es gibt {n} Nachrichten{f}; die neuesten:",
            "Il y a {n} messages{f} ; les plus récents :",
            "Hay {n} correos{f}; los más recientes:",
            "Ci sono {n} messaggi{f}; i più recenti:",
        ],
    };
    let mut said = language.pick(counted).replace("{n}", &letters.all.to_string()).replace("{f}", &from_them);
    let alone = letters.newest.len() == 1;
    for letter in &letters.newest {
        said.push_str("\n\n");
        said.push_str(&one(language, letter, alone));
    }
    said
}

fn one(language: Language, letter: &Letter, whole: bool) -> String {
    let nothing = language.pick(["no subject", "ohne Betreff", "sans objet", "sin asunto", "senza oggetto"]);
    let subject = if letter.subject.is_empty() { nothing } else { &letter.subject };
    let mut said = format!("**{}**: {subject}", letter.from);
    if let Some(date) = &letter.date {
        said.push_str(
            &date
                .strftime(language.pick([
                    " (%-d/%-m, %H:%M)",
                    " (%-d.%-m., %H:%M)",
                    " (%-d/%-m, %H:%M)",
                    " (%-d/%-m, %H:%M)",
                    " (%-d/%-m, %H:%M)",
                ]))
                .to_string(),
        );
    }
    if letter.files > 0 {
        let files = language.pick([
            "{} attached",
            "{} im Anhang",
            "{} en pièce jointe",
            "{} adjuntos",
            "{} in allegato",
        ]);
        said.push_str(&format!(", {}", files.replace("{}", &letter.files.to_string())));
    }
    let chars = if whole { usize::MAX } else { GLANCE_CHARS };
    let text: String = letter.text.chars().take(chars).collect();
    let more = if text.len() < letter.text.len() { "…" } else { "" };
    format!("{said}\n{text}{more}").trim_end().to_owned()
}

pub(super) fn sent(language: Language, to: &Recipient) -> String {
    language
        .pick([
            "The mail to {} is sent.",
            "Die Mail an {} ist verschickt.",
            "Le message à {} est envoyé.",
            "El correo para {} está enviado.",
            "Il messaggio a {} è inviato.",
        ])
        .replace("{}", &to.to_string())
}

pub(super) fn drafted(language: Language, to: &Recipient) -> String {
    language
        .pick([
            "A mail to {} lies in the drafts.",
            "Eine Mail an {} liegt bei den Entwürfen.",
            "Un message à {} est dans les brouillons.",
            "Un correo para {} está en los borradores.",
            "Un messaggio a {} è nelle bozze.",
        ])
        .replace("{}", &to.to_string())
}

pub(super) fn not_known(language: Language, to: &str) -> String {
    language
        .pick([
            "I have no address for “{}”.",
            "Für „{}“ habe ich keine Adresse.",
            "Je n'ai pas d'adresse pour « {} ».",
            "No tengo la dirección de «{}».",
            "Non ho l'indirizzo di «{}».",
        ])
        .replace("{}", to.trim())
}
