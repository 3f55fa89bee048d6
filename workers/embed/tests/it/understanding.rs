//! How well the realm understands people with this model: the floor below which it must not fall.

use mtor_embed::evaluate::{Half, run};

use crate::engine;

#[test]
fn the_test_half_is_understood_well_enough() {
    let report = run(&engine(), Half::Test, &|| false).unwrap();
    let all = &report.all;
    assert!(all.utterances >= 400, "{report}");
    assert!(all.accuracy() >= 0.90, "{report}");
    assert!(all.wrong_share() <= 0.02, "{report}");
    for (intent, score) in &report.by_intent {
        assert!(score.accuracy() >= 0.65, "{intent}:\n{report}");
    }
    // A question about the world must almost never do anything; to be asked back now and then is bearable.
    let chat = &report.by_intent["chat"];
    assert!(chat.wrong_actions <= 1 && chat.accuracy() >= 0.85, "{report}");
}

#[test]
fn the_report_names_what_was_missed() {
    let report = run(&engine(), Half::Dev, &|| false).unwrap();
    let missed = report.all.utterances - report.all.right;
    assert_eq!(report.misses().lines().count(), missed);
    assert_eq!(report.confusion.iter().map(|(.., count)| count).sum::<usize>(), missed);
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["half"], "dev");
    assert!(json["example_ms"][0].as_f64().unwrap() > 0.0);
}
