//! What has to be named before something is done by example. Sentences lie near each other for many reasons; "summarize the
//! French revolution" lies near to looking it up in Wikipedia, of which it says nothing. English, as the examples are.

use crate::words::Word;

/// Beginnings of words, one of which has to be among what was said. A capability that is not here needs none.
const EVIDENCE: &[(&str, &str)] = &[
    (
        "imagine",
        "draw paint pictur imag sketch art illustrat logo poster wallpaper design render portrait \
         cartoon photo visual look show see watercolo concept comic drew make create generate",
    ),
    (
        "vision",
        "image pictur photo camera see look sign label hold screenshot snapshot show drawing scene \
         handwriting caption front",
    ),
    (
        "tool.weather",
        "weather whether rain wet dry snow sun umbrella cold hot warm cool storm wind degree \
         temperature outside outdoors jacket coat forecast frost fog humid thunder wear hail cloud \
         barbecue beach soaked slippery ice icy freez sky out nice",
    ),
    (
        "tool.news",
        "news headline happen stor world report latest miss front politic election strike match won \
         score result current media team update going breaking new scandal saying affairs date \
         talking",
    ),
    (
        "tool.calendar",
        "calendar schedul appointment meet agenda diary plan free busy remind event today tomorrow \
         monday tuesday wednesday thursday friday saturday sunday week month tonight evening \
         afternoon morning remember forget holiday vacation due deadline book put time when",
    ),
    (
        "tool.mail",
        "mail email message inbox write wrote written repl answer respon forward send sent letter \
         line word spam newsletter post know drop",
    ),
    (
        "tool.timer",
        "timer alarm wake minute second hour countdown counting stopwatch clock remind nap bed ring \
         buzz quarter snooze up",
    ),
    (
        "tool.home",
        "light lamp heat warm cold cool dark bright blind curtain shutter door garage gate lock tv \
         televis radio fan oven stove thermostat room house vacuum dishwasher machine kettle \
         everything switch turn air freez hot dim",
    ),
    ("tool.wikipedia", "wiki encyclop"),
    (
        "tool.calculate",
        "percent half third quarter fifth tenth double triple root squared cubed sum add plus minus \
         times subtract multipl divid convert fahrenheit celsius tip interest split how two three \
         five ten hundred 0 1 2 3 4 5 6 7 8 9",
    ),
    ("tool.web", "web site page homepage online internet link url article google search brows net"),
    (
        "tool.time",
        "time date day weekday clock hour late early month year week noon midnight morning night \
         today monday tuesday wednesday thursday friday saturday sunday ahead behind",
    ),
];

/// Whether the words name what that capability is about.
pub(crate) fn is_named(capability: &str, words: &[Word]) -> bool {
    let Some((_, beginnings)) = EVIDENCE.iter().find(|(name, _)| *name == capability) else { return true };
    words.iter().any(|word| beginnings.split(' ').any(|beginning| word.norm.starts_with(beginning)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::examples::{EXAMPLES, Label};
    use crate::words::words;

    #[test]
    fn every_example_names_what_it_is_about() {
        for example in EXAMPLES {
            if let Label::Capability(capability) = example.label {
                assert!(is_named(capability, &words(example.text, false)), "{capability}: {}", example.text);
            }
        }
    }

    #[test]
    fn what_is_not_named_is_not_meant() {
        let said = words("summarize the french revolution in three sentences", false);
        assert!(!is_named("tool.wikipedia", &said) && !is_named("tool.web", &said));
        assert!(is_named("chat", &said) && is_named("tool.unheard-of", &said));
    }
}
