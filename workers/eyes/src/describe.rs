//! What was seen, in words: only what the networks have found, and what they can't see.

use std::collections::BTreeMap;

use crate::defaults::{THING_SURE, UNFIT_MIN};
use crate::objects::CLASSES;
use crate::sight::{Line, Sight, Thing};

/// What the eyes can't do, said once in each description.
const BLIND: &str =
    "I know 80 kinds of everyday things and printed text; colours, moods, and who somebody is are beyond me.";

/// The answer to a question about some pictures.
pub fn answer(question: &str, sights: &[Sight]) -> String {
    let asked = classes_in(question);
    let about_text = is_about_text(question);
    let each = sights.iter().map(|sight| match (asked.as_slice(), about_text) {
        ([], false) => description(sight),
        ([], true) => said(sight),
        (asked, _) => counted(asked, sight),
    });
    match sights {
        [_] => each.collect(),
        _ => each
            .enumerate()
            .map(|(number, words)| format!("Picture {}: {words}", number + 1))
            .collect::<Vec<_>>()
            .join("\n\n"),
    }
}

/// Everything that was seen.
fn description(sight: &Sight) -> String {
    let mut parts = Vec::new();
    let things = sight.things.as_deref().unwrap_or_default();
    let lines = sight.lines.as_deref().unwrap_or_default();
    match things {
        [] => parts.push("I see nothing in it that I know by name.".to_owned()),
        things => parts.push(format!("I see {}.", listed(things, sight))),
    }
    if !lines.is_empty() {
        parts.push(format!("It reads: {}", quoted(lines)));
    }
    parts.extend(warning(sight));
    parts.push(BLIND.to_owned());
    parts.join(" ")
}

/// What stands written in it.
fn said(sight: &Sight) -> String {
    match sight.lines.as_deref().unwrap_or_default() {
        [] => "I find no text in it that I can read. I read printed Latin letters and Chinese.".to_owned(),
        lines => format!("It reads: {}", quoted(lines)),
    }
}

/// How many there are of what was asked for.
fn counted(asked: &[&'static str], sight: &Sight) -> String {
    let things = sight.things.as_deref().unwrap_or_default();
    let answers = asked.iter().map(|label| {
        let found: Vec<Thing> = things.iter().filter(|thing| thing.label == *label).cloned().collect();
        match found.as_slice() {
            [] => format!("I see no {label} in it."),
            found => format!("I see {}.", listed(found, sight)),
        }
    });
    let mut parts: Vec<String> = answers.collect();
    let others: Vec<Thing> = things.iter().filter(|thing| !asked.contains(&thing.label)).cloned().collect();
    if others.len() == things.len() && !others.is_empty() {
        parts.push(format!("What I do see: {}.", listed(&others, sight)));
    }
    parts.extend(warning(sight));
    parts.join(" ")
}

/// What kind of picture it is.
pub fn kind(sight: &Sight) -> String {
    let unfit = sight.unfit.unwrap_or(0.0);
    let percent = |share: f32| (share * 100.0).round() as u32;
    let fit = match unfit >= UNFIT_MIN {
        true => format!("Unfit for some: it is probably pornographic ({} %).", percent(unfit)),
        false => format!("Fit to be shown ({} %).", percent(1.0 - unfit)),
    };
    match sight.things.as_deref().unwrap_or_default() {
        [] => format!("{fit} It shows nothing that I know by name."),
        things => format!("{fit} It shows {}.", listed(things, sight)),
    }
}

/// The text of a picture, line by line.
pub fn text(sight: &Sight) -> String {
    let lines: Vec<&str> = sight.lines.iter().flatten().map(|line| line.text.as_str()).collect();
    lines.join("\n")
}

fn warning(sight: &Sight) -> Option<String> {
    let unfit = sight.unfit.filter(|unfit| *unfit >= UNFIT_MIN)?;
    Some(format!("It is probably pornographic ({} %).", (unfit * 100.0).round() as u32))
}

fn quoted(lines: &[Line]) -> String {
    let texts: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
    format!("\u{201c}{}\u{201d}", texts.join(" / "))
}

/// "two cups (on the left and in the middle) and a person (on the right)": the kinds in the order of their surest ones.
fn listed(things: &[Thing], sight: &Sight) -> String {
    let mut kinds: Vec<&'static str> = Vec::new();
    let mut places: BTreeMap<&'static str, Vec<&'static str>> = BTreeMap::new();
    let mut counts: BTreeMap<&'static str, usize> = BTreeMap::new();
    for thing in things {
        if !kinds.contains(&thing.label) {
            kinds.push(thing.label);
        }
        *counts.entry(thing.label).or_default() += 1;
        let place = place(thing, sight);
        let known = places.entry(thing.label).or_default();
        if !known.contains(&place) {
            known.push(place);
        }
    }
    let phrases = kinds.iter().map(|label| {
        let where_ = places.get(label).map(|places| joined(places)).unwrap_or_default();
        let number = number_of(label, counts.get(label).copied().unwrap_or(1));
        let is_sure = things.iter().any(|thing| thing.label == *label && thing.probability >= THING_SURE);
        format!("{}{number} ({where_})", if is_sure { "" } else { "perhaps " })
    });
    joined(&phrases.collect::<Vec<_>>())
}

/// Where in the picture a thing is.
fn place(thing: &Thing, sight: &Sight) -> &'static str {
    let area = &thing.area;
    let (width, height) = (sight.width as f32, sight.height as f32);
    if area.width * area.height > 0.5 * width * height {
        return "filling most of it";
    }
    let third = |at: f32, whole: f32| match at / whole {
        share if share < 1.0 / 3.0 => 0,
        share if share > 2.0 / 3.0 => 2,
        _ => 1,
    };
    let column = third(area.x + area.width / 2.0, width);
    let row = third(area.y + area.height / 2.0, height);
    [
        ["at the top left", "at the top", "at the top right"],
        ["on the left", "in the middle", "on the right"],
        ["at the bottom left", "at the bottom", "at the bottom right"],
    ][row][column]
}

fn joined(parts: &[impl AsRef<str>]) -> String {
    let parts: Vec<&str> = parts.iter().map(AsRef::as_ref).collect();
    match parts.as_slice() {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

fn number_of(label: &str, count: usize) -> String {
    const WORDS: [&str; 9] = ["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];
    match count {
        1 => with_article(label),
        count => match WORDS.get(count - 2) {
            Some(word) => format!("{word} {}", plural(label)),
            None => format!("{count} {}", plural(label)),
        },
    }
}

fn with_article(label: &str) -> String {
    match label {
        "skis" | "scissors" => label.to_owned(),
        "broccoli" => label.to_owned(),
        _ if label.starts_with(['a', 'e', 'i', 'o', 'u']) => format!("an {label}"),
        _ => format!("a {label}"),
    }
}

fn plural(label: &str) -> String {
    match label {
        "person" => "people".to_owned(),
        "sheep" | "skis" | "scissors" | "broccoli" => label.to_owned(),
        "mouse" => "mice".to_owned(),
        "knife" => "knives".to_owned(),
        "toothbrush" | "wine glass" | "sandwich" | "couch" | "bench" | "bus" => format!("{label}es"),
        _ => format!("{label}s"),
    }
}

/// The things that a question names, in its order.
fn classes_in(question: &str) -> Vec<&'static str> {
    let words: Vec<String> =
        question.to_lowercase().split(|c: char| !c.is_alphanumeric()).map(str::to_owned).collect();
    let text =
        format!(" {} ", words.iter().filter(|word| !word.is_empty()).cloned().collect::<Vec<_>>().join(" "));
    let mut named: Vec<(usize, &'static str)> = CLASSES
        .iter()
        .filter_map(|label| {
            let forms = [(*label).to_owned(), plural(label)];
            let place = forms.iter().filter_map(|form| text.find(&format!(" {form} "))).min()?;
            Some((place, *label))
        })
        .collect();
    named.sort_unstable();
    named.into_iter().map(|(_, label)| label).collect()
}

/// Whether a question is about what stands written.
fn is_about_text(question: &str) -> bool {
    let question = question.to_lowercase();
    let words = || question.split(|c: char| !c.is_alphanumeric());
    words().any(|word| matches!(word, "read" | "text" | "written" | "say" | "says" | "words" | "transcribe"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sight::Area;

    fn thing(label: &'static str, x: f32, y: f32) -> Thing {
        Thing { label, probability: 0.9, area: Area { x, y, width: 10.0, height: 10.0 } }
    }

    fn sight(things: Vec<Thing>, texts: &[&str], unfit: f32) -> Sight {
        let area = Area { x: 0.0, y: 0.0, width: 1.0, height: 1.0 };
        let line = |text: &&str| Line { text: (*text).to_owned(), probability: 0.9, area };
        let lines = Some(texts.iter().map(line).collect());
        Sight { width: 100, height: 100, things: Some(things), lines, unfit: Some(unfit) }
    }

    #[test]
    fn a_description_says_what_is_where_and_what_it_reads() {
        let seen = sight(
            vec![thing("cup", 0.0, 45.0), thing("cup", 45.0, 45.0), thing("apple", 90.0, 0.0)],
            &["OPEN", "24 h"],
            0.1,
        );
        let words = answer("What is in this picture?", std::slice::from_ref(&seen));
        assert!(
            words.starts_with(
                "I see two cups (on the left and in the middle) and an apple (at the top right). It reads: “OPEN / 24 h”"
            ),
            "{words}"
        );
        assert!(words.ends_with(BLIND));
        let nothing = answer("What is this?", &[sight(Vec::new(), &[], 0.0)]);
        assert!(nothing.starts_with("I see nothing in it that I know by name. I know 80 kinds"), "{nothing}");
    }

    #[test]
    fn who_asks_for_something_hears_of_that() {
        let seen = [sight(vec![thing("person", 0.0, 0.0), thing("wine glass", 90.0, 90.0)], &["Menu"], 0.0)];
        assert_eq!(answer("How many people are there?", &seen), "I see a person (at the top left).");
        assert_eq!(
            answer("Is there a dog?", &seen),
            "I see no dog in it. What I do see: a person (at the top left) and a wine glass (at the bottom right)."
        );
        assert_eq!(answer("What does it say?", &seen), "It reads: “Menu”");
        assert!(answer("What does it say?", &[sight(Vec::new(), &[], 0.0)]).starts_with("I find no text"));
    }

    #[test]
    fn what_is_doubtful_is_only_perhaps_there() {
        let doubtful = Thing { probability: 0.5, ..thing("cat", 45.0, 45.0) };
        assert_eq!(
            answer("A cat?", &[sight(vec![doubtful], &[], 0.0)]),
            "I see perhaps a cat (in the middle)."
        );
    }

    #[test]
    fn several_pictures_are_numbered() {
        let seen = [sight(vec![thing("bus", 45.0, 45.0)], &[], 0.0), sight(Vec::new(), &[], 0.0)];
        let words = answer("?", &seen);
        assert!(
            words.starts_with("Picture 1: I see a bus (in the middle).") && words.contains("\n\nPicture 2: ")
        );
    }

    #[test]
    fn what_is_unfit_is_said() {
        assert!(
            kind(&sight(Vec::new(), &[], 0.93))
                .starts_with("Unfit for some: it is probably pornographic (93 %).")
        );
        assert_eq!(
            kind(&sight(vec![thing("cat", 45.0, 45.0)], &[], 0.02)),
            "Fit to be shown (98 %). It shows a cat (in the middle)."
        );
        assert!(answer("?", &[sight(Vec::new(), &[], 0.6)]).contains("probably pornographic (60 %)"));
    }

    #[test]
    fn words_have_their_plurals() {
        for (label, many) in [
            ("bus", "three buses"),
            ("person", "three people"),
            ("sheep", "three sheep"),
            ("car", "three cars"),
        ] {
            assert_eq!(number_of(label, 3), many);
        }
        assert_eq!(number_of("person", 12), "12 people");
    }
}
