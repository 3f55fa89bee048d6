//! What rules cut out of what people say.

use mtor_intent::{By, Resolver, Understanding};

use crate::{act, by_rules};

#[test]
fn actions_come_with_their_parameters() {
    for (language, said, capability, text, params) in [
        ("en", "Computer, draw me a red fox, please.", "imagine", "a red fox", ""),
        (
            "en",
            "what's the weather like in New York tomorrow?",
            "tool.weather",
            "New York",
            "city=New York day=tomorrow",
        ),
        ("en", "will it rain today", "tool.weather", "", "day=today"),
        (
            "en",
            "set a timer for an hour and a half",
            "tool.timer",
            "set a timer for an hour and a half",
            "action=set seconds=5400",
        ),
        (
            "en",
            "remind me in 5 minutes to feed the cat",
            "tool.timer",
            "feed the cat",
            "action=set label=feed the cat seconds=300",
        ),
        ("en", "cancel the timer", "tool.timer", "cancel the timer", "action=cancel"),
        (
            "en",
            "turn off the lights in the kitchen",
            "tool.home",
            "the lights in the kitchen",
            "action=off device=the lights in the kitchen",
        ),
        (
            "en",
            "did i leave the kitchen light on",
            "tool.home",
            "the kitchen light",
            "action=query device=the kitchen light",
        ),
        (
            "en",
            "set the heating to 21 degrees",
            "tool.home",
            "the heating",
            "action=set device=the heating value=21 degrees",
        ),
        ("en", "send an email to Laura saying I am late", "tool.mail", "I am late", "action=send to=Laura"),
        ("en", "look up Ada Lovelace on Wikipedia", "tool.wikipedia", "Ada Lovelace", ""),
        ("en", "what is 12 times 12?", "tool.calculate", "12 times 12", "expression=12 times 12"),
        ("en", "what time is it in Tokyo", "tool.time", "Tokyo", "city=Tokyo what=time"),
        ("en", "open example.org", "tool.web", "example.org", "url=example.org"),
        ("de", "Wie wird das Wetter morgen in Köln?", "tool.weather", "Köln", "city=Köln day=tomorrow"),
        (
            "de",
            "stell einen Timer auf eine halbe Stunde",
            "tool.timer",
            "stell einen Timer auf eine halbe Stunde",
            "action=set seconds=1800",
        ),
        (
            "de",
            "ist das Licht im Bad noch an",
            "tool.home",
            "das Licht im Bad",
            "action=query device=das Licht im Bad",
        ),
        ("fr", "quel temps fait-il à Lyon demain ?", "tool.weather", "Lyon", "city=Lyon day=tomorrow"),
        (
            "es",
            "envía un correo a Pedro diciendo que llego tarde",
            "tool.mail",
            "llego tarde",
            "action=send to=Pedro",
        ),
        (
            "it",
            "accendi la luce in cucina",
            "tool.home",
            "la luce in cucina",
            "action=on device=la luce in cucina",
        ),
    ] {
        let (got, left, found) = act(said, language);
        let found: Vec<String> = found.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(
            (got.as_str(), left.as_str(), found.join(" ").as_str()),
            (capability, text, params),
            "{said}"
        );
    }
}

#[test]
fn control_words_may_be_doubled_polite_and_called() {
    for said in [
        "stop",
        "Stop, stop!",
        "computer, please stop",
        "stop computer",
        "no, stop",
        "please be quiet now, thanks",
        "okay okay stop it",
    ] {
        assert_eq!(by_rules(said, "en").unwrap(), "control.stop", "{said}");
    }
    assert_eq!(by_rules("no no no", "en").unwrap(), "control.no");
    assert_eq!(by_rules("yes, repeat that please", "en").unwrap(), "control.repeat");
    assert_eq!(by_rules("louder stop", "en"), None, "two commands that have nothing to do with each other");
}

#[test]
fn a_control_word_of_another_language_is_understood() {
    assert_eq!(by_rules("Stopp!", "en").unwrap(), "control.stop");
    assert_eq!(by_rules("au revoir", "").unwrap(), "control.goodbye");
    assert_eq!(by_rules("basta", "xx").unwrap(), "control.stop");
}

#[test]
fn what_only_looks_like_an_order_is_none() {
    for said in [
        "how do I stop a nosebleed",
        "draw the right conclusion from these facts",
        "draw the curtains before it gets dark and tell me why",
        "what is the temperature of the sun",
        "the weather is nice",
        "wikipedia is run by volunteers",
        "male pattern baldness runs in families",
        "computer science is hard",
        "turn on the charm",
    ] {
        assert_eq!(by_rules(said, "en"), None, "{said}");
    }
}

#[test]
fn the_wake_word_alone_asks_what_is_wanted() {
    let resolved = Resolver::new().rules("Computer?", "en").unwrap();
    let Understanding::Unsure { question, choices } = resolved.understanding else { panic!("{resolved:?}") };
    assert_eq!((question.as_str(), choices.len(), resolved.text.as_str()), ("Yes?", 0, ""));
    assert!(matches!(Resolver::new().rules("", "de"), Some(resolved) if resolved.by == By::Rules));
}

#[test]
fn another_phrase_can_wake_it() {
    let jeeves = Resolver::new().with_wake_word("hey Jeeves");
    assert_eq!(
        jeeves.clean("Hey Jeeves, what is the capital of France, please?", "en"),
        "what is the capital of France"
    );
    assert_eq!(jeeves.clean("computer, what is that", "en"), "computer, what is that");
}

#[test]
fn a_question_keeps_its_words_and_its_mark() {
    let resolved = Resolver::new().without_vector("Computer, can you swim?", "en");
    let Understanding::Act { capability, text, .. } = resolved.understanding else {
        panic!("{:?}", resolved.text)
    };
    assert_eq!((capability.as_str(), text.as_str(), resolved.by), ("chat", "can you swim?", By::Fallback));
}

#[test]
fn a_long_story_is_no_command() {
    let story = format!("draw {}", "and then we went on ".repeat(10));
    assert_eq!(by_rules(&story, "en"), None);
}
