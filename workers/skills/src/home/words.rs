//! What is said of the house.

use super::Action;
use crate::language::Language;

pub(super) fn unknown(language: Language, device: &str) -> String {
    language
        .pick([
            "I know no {} in this house.",
            "„{}“ kenne ich in diesem Haus nicht.",
            "Je ne connais pas « {} » dans cette maison.",
            "No conozco «{}» en esta casa.",
            "Non conosco «{}» in questa casa.",
        ])
        .replace("{}", device.trim().trim_start_matches("the "))
}

pub(super) fn which(language: Language, names: &[String]) -> String {
    language
        .pick(["Which one: {}?", "Welches davon: {}?", "Lequel : {} ?", "¿Cuál: {}?", "Quale: {}?"])
        .replace("{}", &names.join(", "))
}

pub(super) fn cannot(language: Language, name: &str) -> String {
    language
        .pick([
            "I can't do that with the {}.",
            "Das geht nicht: {}.",
            "Ce n'est pas possible avec : {}.",
            "Eso no se puede hacer con: {}.",
            "Non si può fare con: {}.",
        ])
        .replace("{}", name)
}

/// What was done, in the words of whoever listed the entity.
pub(super) fn done(language: Language, action: Action, name: &str, value: Option<&str>) -> String {
    let texts = match action {
        Action::On => ["The {} is on.", "{} ist an.", "{} : allumé.", "{}: encendido.", "{}: acceso."],
        Action::Off => ["The {} is off.", "{} ist aus.", "{} : éteint.", "{}: apagado.", "{}: spento."],
        Action::Open => ["The {} opens.", "{} geht auf.", "{} : ouvert.", "{}: abierto.", "{}: aperto."],
        Action::Close => ["The {} closes.", "{} geht zu.", "{} : fermé.", "{}: cerrado.", "{}: chiuso."],
        Action::Set => [
            "The {} is set to {v}.",
            "{} ist auf {v} gestellt.",
            "{} : réglé sur {v}.",
            "{}: ajustado a {v}.",
            "{}: impostato su {v}.",
        ],
        Action::Run | Action::Query => {
            ["The {} runs.", "{} läuft.", "{} : lancé.", "{}: en marcha.", "{}: avviato."]
        }
    };
    language.pick(texts).replace("{v}", value.unwrap_or_default().trim()).replace("{}", name)
}

/// How something is.
pub(super) fn state(language: Language, name: &str, state: &str, unit: Option<&str>) -> String {
    let state = match state {
        "on" => language.pick(["on", "an", "allumé", "encendido", "acceso"]),
        "off" => language.pick(["off", "aus", "éteint", "apagado", "spento"]),
        "open" => language.pick(["open", "offen", "ouvert", "abierto", "aperto"]),
        "closed" => language.pick(["closed", "zu", "fermé", "cerrado", "chiuso"]),
        "locked" => {
            language.pick(["locked", "abgeschlossen", "verrouillé", "cerrado con llave", "chiuso a chiave"])
        }
        "unlocked" => language.pick([
            "unlocked",
            "nicht abgeschlossen",
            "déverrouillé",
            "sin llave",
            "non chiuso a chiave",
        ]),
        "unavailable" | "unknown" => language.pick([
            "not reachable",
            "nicht erreichbar",
            "injoignable",
            "no disponible",
            "non raggiungibile",
        ]),
        other => other,
    };
    let unit = unit.map_or_else(String::new, |unit| format!(" {unit}"));
    language
        .pick(["The {} is {s}{u}.", "{} ist {s}{u}.", "{} : {s}{u}.", "{}: {s}{u}.", "{}: {s}{u}."])
        .replace("{s}", state)
        .replace("{u}", &unit)
        .replace("{}", name)
}

/// The name that Home Assistant has for a colour.
pub(super) fn color(said: &str) -> Option<&'static str> {
    const COLORS: &[(&str, &[&str])] = &[
        ("red", &["red", "rot", "rouge", "rojo", "rosso"]),
        ("green", &["green", "grün", "vert", "verde"]),
        ("blue", &["blue", "blau", "bleu", "azul", "blu"]),
        ("yellow", &["yellow", "gelb", "jaune", "amarillo", "giallo"]),
        ("orange", &["orange", "naranja", "arancione"]),
        ("purple", &["purple", "lila", "violett", "violet", "morado", "viola"]),
        ("pink", &["pink", "rosa", "rose"]),
        ("white", &["white", "weiß", "weiss", "blanc", "blanco", "bianco"]),
    ];
    let said = said.trim().to_lowercase();
    COLORS.iter().find(|(_, names)| names.contains(&said.as_str())).map(|(color, _)| *color)
}
