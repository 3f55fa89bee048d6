//! From what was understood to what is submitted: the arguments that the realm's own skills take.

use std::collections::BTreeMap;

use mtor_protocol::{CapabilityKind, Intent, Task, ToolName, ToolTask};
use serde_json::{Map, Value};

use crate::languages::Language;
use crate::values;
use crate::words::words;

/// What to submit for an action, when it is one for a tool and the words say all that the tool has to know.
pub(crate) fn intent(
    capability: &CapabilityKind,
    text: &str,
    params: &BTreeMap<String, String>,
    language: &Language,
) -> Option<Intent> {
    let mut tool = ToolName::new(capability.as_str())?;
    let given = |name: &str| params.get(name).map(String::as_str);
    let place = || given("city").or(Some(text)).filter(|place| !place.trim().is_empty());
    let mut arguments = Arguments::default();
    match tool.bare() {
        "weather" => arguments.put("place", place()).put("day", given("day")),
        "time" => arguments.put("place", place()).put("what", given("what")),
        "news" => arguments.put("topic", Some(text)),
        "wikipedia" => arguments.put("query", Some(text)).needs("query")?,
        "calculate" => {
            arguments.put("expression", Some(text)).put("unit", given("unit")).needs("expression")?
        }
        "web" => arguments.put("url", given("url")).needs("url")?,
        "home" => {
            let value = given("value");
            arguments.put("action", given("action")).put("device", given("device")).put("value", value);
            arguments.needs("device")?.needs("action")?
        }
        "mail" if given("action") == Some("send") => {
            // Whom it goes to and what it says are the speaker's own words, or there is nothing to send.
            tool = ToolName::new("tool.mail.send")?;
            arguments.put("to", given("to")).put("body", Some(text)).needs("to")?.needs("body")?
        }
        "mail" if given("action") == Some("read") => {
            tool = ToolName::new("tool.mail.read")?;
            let unread = words(text, language.elides).iter().any(|word| UNREAD.contains(&word.norm.as_str()));
            arguments.put("from", given("from")).put("which", unread.then_some("unread"))
        }
        "timer" => {
            arguments.put("action", given("action")).put("label", given("label"));
            match (given("seconds").and_then(|seconds| seconds.parse::<u64>().ok()), given("when")) {
                (Some(seconds), _) => arguments.put_value("seconds", seconds.into()),
                (None, Some(when)) => arguments.put("at", Some(&clock(language, when)?)),
                (None, None) => &mut arguments,
            }
        }
        _ => return None,
    };
    arguments.put("language", Some(language.code));
    let Arguments(arguments) = arguments;
    Some(Intent::any_model(Task::Tool(ToolTask { tool, arguments })))
}

/// Words for mail that nobody has read yet, in all languages.
const UNREAD: &[&str] = &[
    "new",
    "unread",
    "neu",
    "neue",
    "neuen",
    "ungelesene",
    "ungelesenen",
    "nouveau",
    "nouveaux",
    "nouvel",
    "nouvelle",
    "nuevo",
    "nuevos",
    "nuevas",
    "nuova",
    "nuove",
    "nuovi",
    "nuovo",
];

#[derive(Default)]
struct Arguments(Map<String, Value>);

impl Arguments {
    /// An argument, if there is anything to it.
    fn put(&mut self, name: &str, value: Option<&str>) -> &mut Self {
        match value
            .map(|value| value.trim().trim_end_matches(['?', '!', '.']))
            .filter(|value| !value.is_empty())
        {
            Some(value) => self.put_value(name, value.into()),
            None => self,
        }
    }

    fn put_value(&mut self, name: &str, value: Value) -> &mut Self {
        self.0.insert(name.to_owned(), value);
        self
    }

    /// Nothing without this argument.
    fn needs(&mut self, name: &str) -> Option<&mut Self> {
        self.0.contains_key(name).then_some(self)
    }
}

/// A time of day in words, as in `07:30`: `half past seven` is not known, `7:30 pm` and `sept heures` are.
fn clock(language: &Language, said: &str) -> Option<String> {
    let said = said.to_lowercase().replace("a.m", "am").replace("p.m", "pm");
    let digits = |text: &str| text.chars().take_while(char::is_ascii_digit).collect::<String>();
    let (hour, minute): (u32, u32) = match said.find(|c: char| c.is_ascii_digit()) {
        Some(at) => {
            let hour = digits(&said[at..]);
            let rest = said[at + hour.len()..].trim_start();
            let rest = rest
                .strip_prefix([':', '.', 'h'])
                .unwrap_or_else(|| rest.strip_prefix("uhr").unwrap_or_default());
            let minute = digits(rest.trim_start());
            (hour.parse().ok()?, if minute.is_empty() { 0 } else { minute.parse().ok()? })
        }
        None => {
            let spoken = words(&said, language.elides);
            (spoken.iter().find_map(|word| values::hour(language, &word.norm))?, 0)
        }
    };
    let is = |marks: &[&str]| marks.iter().any(|mark| said.contains(mark));
    let afternoon = is(&[
        "pm",
        "in the afternoon",
        "in the evening",
        "nachmittag",
        "abend",
        "du soir",
        "de la tarde",
        "di sera",
    ]);
    let morning = is(&["am", "in the morning"]) && !afternoon;
    let hour = match hour {
        1..=11 if afternoon => hour + 12,
        12 if morning => 0,
        hour => hour,
    };
    (hour < 24 && minute < 60).then(|| format!("{hour:02}:{minute:02}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Resolver;
    use crate::languages::by_code;
    use crate::resolved::Understanding;

    fn asked(said: &str, language: &str) -> String {
        let resolved = Resolver::new().rules(said, language).unwrap();
        let Understanding::Act { intent, .. } = resolved.understanding else {
            panic!("{said}: {resolved:?}")
        };
        match intent.map(|intent| intent.task) {
            Some(Task::Tool(task)) => {
                let arguments = serde_json::to_string(&task.arguments).unwrap();
                format!("{} {}", task.tool.bare(), arguments.replace('"', ""))
            }
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn words_become_arguments() {
        for (language, said, wanted) in [
            ("en", "set a timer for ten seconds", "timer {action:set,language:en,seconds:10}"),
            ("en", "set an alarm for 7:30 pm", "timer {action:set,at:19:30,language:en}"),
            ("en", "cancel the timer", "timer {action:cancel,language:en}"),
            ("en", "read me the news", "news {language:en}"),
            ("en", "turn on the kitchen light", "home {action:on,device:the kitchen light,language:en}"),
            ("en", "what's the weather in Paris tomorrow?", "weather {day:tomorrow,language:en,place:Paris}"),
            ("en", "what is seven times eight?", "calculate {expression:seven times eight,language:en}"),
            (
                "en",
                "convert 5 miles to kilometers",
                "calculate {expression:5 miles,language:en,unit:kilometers}",
            ),
            ("en", "what time is it?", "time {language:en,what:time}"),
            ("en", "open example.org", "web {language:en,url:example.org}"),
            ("en", "summarise this page", "None"),
            ("en", "check my mail", "mail.read {language:en}"),
            ("en", "do I have any new mail?", "mail.read {language:en,which:unread}"),
            ("en", "do I have any mail from Anna?", "mail.read {from:Anna,language:en}"),
            ("en", "send Anna a mail saying I am late", "mail.send {body:I am late,language:en,to:Anna}"),
            ("en", "send a mail to Anna", "None"),
            ("de", "stell einen Timer auf eine halbe Stunde", "timer {action:set,language:de,seconds:1800}"),
            ("it", "accendi la luce in cucina", "home {action:on,device:la luce in cucina,language:it}"),
        ] {
            assert_eq!(asked(said, language), wanted, "{said}");
        }
    }

    #[test]
    fn times_of_day_are_read() {
        for (language, said, wanted) in [
            ("en", "7", Some("07:00")),
            ("en", "seven", Some("07:00")),
            ("en", "7:30 am", Some("07:30")),
            ("en", "12 am", Some("00:00")),
            ("en", "6 p.m.", Some("18:00")),
            ("de", "19 Uhr 15", Some("19:15")),
            ("fr", "7h30", Some("07:30")),
            ("en", "25:00", None),
            ("en", "dawn", None),
        ] {
            assert_eq!(clock(by_code(language).unwrap(), said).as_deref(), wanted, "{said}");
        }
    }
}
