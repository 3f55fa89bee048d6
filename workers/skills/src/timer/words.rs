//! What timers say.

use jiff::Zoned;

use crate::language::Language;
use crate::time::clock;

/// `Your pasta timer is set for ten minutes.`
pub(super) fn set(language: Language, seconds: u64, label: Option<&str>) -> String {
    let text = language.pick([
        "{t} is set for {d}.",
        "{t} läuft: {d}.",
        "{t} est réglé sur {d}.",
        "{t} está puesto: {d}.",
        "{t} è impostato: {d}.",
    ]);
    text.replace("{d}", &duration(language, seconds)).replace("{t}", &named(language, label))
}

/// `Your alarm is set for 7:30 am.`
pub(super) fn set_for(language: Language, due: &Zoned, label: Option<&str>) -> String {
    let text = language.pick([
        "{t} is set for {d}.",
        "{t} klingelt um {d}.",
        "{t} sonnera à {d}.",
        "{t} sonará a las {d}.",
        "{t} suonerà alle {d}.",
    ]);
    text.replace("{d}", &clock(language, due.hour(), due.minute())).replace("{t}", &named(language, label))
}

pub(super) fn rings(language: Language, label: Option<&str>) -> String {
    language
        .pick([
            "{t} is up!",
            "{t} ist abgelaufen!",
            "{t} est terminé !",
            "¡{t} ha terminado!",
            "{t} è finito!",
        ])
        .replace("{t}", &named(language, label))
}

pub(super) fn was_cancelled(language: Language, label: Option<&str>) -> String {
    language
        .pick([
            "{t} was cancelled.",
            "{t} wurde abgebrochen.",
            "{t} a été annulé.",
            "{t} se ha cancelado.",
            "{t} è stato annullato.",
        ])
        .replace("{t}", &named(language, label))
}

pub(super) fn how_long(language: Language) -> &'static str {
    language.pick([
        "For how long?",
        "Wie lange?",
        "Pour combien de temps ?",
        "¿Cuánto tiempo?",
        "Per quanto tempo?",
    ])
}

fn none(language: Language) -> &'static str {
    language.pick([
        "No timer is running.",
        "Es läuft kein Timer.",
        "Aucun minuteur n'est en cours.",
        "No hay ningún temporizador en marcha.",
        "Nessun timer è in corso.",
    ])
}

/// How much time is left, timer by timer.
pub(super) fn left(language: Language, timers: &[(u64, Option<String>)]) -> String {
    if timers.is_empty() {
        return none(language).to_owned();
    }
    let text = language.pick([
        "{t} has {d} left.",
        "{t} läuft noch {d}.",
        "Il reste {d} : {t}.",
        "Quedan {d}: {t}.",
        "Mancano {d}: {t}.",
    ]);
    let line = |(seconds, label): &(u64, Option<String>)| {
        text.replace("{d}", &duration(language, *seconds)).replace("{t}", &named(language, label.as_deref()))
    };
    timers.iter().map(line).collect::<Vec<_>>().join(" ")
}

pub(super) fn cancelled(language: Language, count: usize) -> String {
    match count {
        0 => none(language).to_owned(),
        1 => language
            .pick([
                "The timer is cancelled.",
                "Der Timer ist abgebrochen.",
                "Le minuteur est annulé.",
                "El temporizador está cancelado.",
                "Il timer è annullato.",
            ])
            .to_owned(),
        count => language
            .pick([
                "{} timers are cancelled.",
                "{} Timer sind abgebrochen.",
                "{} minuteurs sont annulés.",
                "{} temporizadores están cancelados.",
                "{} timer sono annullati.",
            ])
            .replace("{}", &count.to_string()),
    }
}

fn named(language: Language, label: Option<&str>) -> String {
    match label.map(str::trim).filter(|label| !label.is_empty()) {
        None => language
            .pick(["Your timer", "Dein Timer", "Votre minuteur", "Tu temporizador", "Il tuo timer"])
            .to_owned(),
        Some(label) => language
            .pick([
                "Your {} timer",
                "Dein Timer „{}“",
                "Votre minuteur « {} »",
                "Tu temporizador «{}»",
                "Il tuo timer «{}»",
            ])
            .replace("{}", label),
    }
}

/// `1 hour, 5 minutes and 10 seconds`
fn duration(language: Language, seconds: u64) -> String {
    let parts = [(seconds / 3_600, 0), (seconds / 60 % 60, 1), (seconds % 60, 2)];
    let units = match language {
        Language::En => [["hour", "hours"], ["minute", "minutes"], ["second", "seconds"]],
        Language::De => [["Stunde", "Stunden"], ["Minute", "Minuten"], ["Sekunde", "Sekunden"]],
        Language::Fr => [["heure", "heures"], ["minute", "minutes"], ["seconde", "secondes"]],
        Language::Es => [["hora", "horas"], ["minuto", "minutos"], ["segundo", "segundos"]],
        Language::It => [["ora", "ore"], ["minuto", "minuti"], ["secondo", "secondi"]],
    };
    let told = |(count, unit): &(u64, usize)| format!("{count} {}", units[*unit][usize::from(*count != 1)]);
    let mut parts: Vec<String> = parts.iter().filter(|(count, _)| *count > 0).map(told).collect();
    let Some(last) = parts.pop() else { return format!("0 {}", units[2][1]) };
    if parts.is_empty() {
        return last;
    }
    let and = language.pick([" and ", " und ", " et ", " y ", " e "]);
    format!("{}{and}{last}", parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_said_in_every_language() {
        assert_eq!(duration(Language::En, 3_910), "1 hour, 5 minutes and 10 seconds");
        assert_eq!(duration(Language::De, 90), "1 Minute und 30 Sekunden");
        assert_eq!(set(Language::Fr, 600, None), "Votre minuteur est réglé sur 10 minutes.");
        assert_eq!(cancelled(Language::It, 2), "2 timer sono annullati.");
    }
}
