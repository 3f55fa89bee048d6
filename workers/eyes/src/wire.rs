//! What was seen, in the words of the wire.

use mtor_eyes::{Area, Sight};
use mtor_worker::protocol::picture::{PictureArea, Seen, SeenLine, SeenThing};

/// All of a sight.
pub(crate) fn seen(sight: &Sight) -> Seen {
    let things = sight.things.as_ref().map(|things| {
        let thing = |thing: &mtor_eyes::Thing| SeenThing {
            label: thing.label.to_owned(),
            probability: rounded(thing.probability),
            area: area(&thing.area),
        };
        things.iter().map(thing).collect()
    });
    let lines = sight.lines.as_ref().map(|lines| {
        let line = |line: &mtor_eyes::Line| SeenLine {
            text: line.text.clone(),
            probability: rounded(line.probability),
            area: area(&line.area),
        };
        lines.iter().map(line).collect()
    });
    Seen { width: sight.width, height: sight.height, things, lines, unfit: sight.unfit.map(rounded) }
}

fn area(area: &Area) -> PictureArea {
    let pixels = |length: f32| length.round().max(0.0) as u32;
    PictureArea {
        x: pixels(area.x),
        y: pixels(area.y),
        width: pixels(area.width),
        height: pixels(area.height),
    }
}

/// To a thousandth: more would only look exact.
fn rounded(probability: f32) -> f32 {
    (probability * 1_000.0).round() / 1_000.0
}
