//! What was seen in one picture.

/// A part of a picture, in pixels from its upper left corner.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Area {
    /// Its left side.
    pub x: f32,
    /// Its upper side.
    pub y: f32,
    /// From left to right.
    pub width: f32,
    /// From top to bottom.
    pub height: f32,
}

impl Area {
    /// The same in a picture that is so many times as wide and as high.
    pub(crate) fn scaled(self, wide: f32, high: f32) -> Self {
        Self { x: self.x * wide, y: self.y * high, width: self.width * wide, height: self.height * high }
    }

    /// Which share of both together lies in both.
    pub(crate) fn overlap(&self, other: &Self) -> f32 {
        let shared = |from: f32, length: f32, other_from: f32, other_length: f32| {
            ((from + length).min(other_from + other_length) - from.max(other_from)).max(0.0)
        };
        let both = shared(self.x, self.width, other.x, other.width)
            * shared(self.y, self.height, other.y, other.height);
        let all = self.width * self.height + other.width * other.height - both;
        if all > 0.0 { both / all } else { 0.0 }
    }
}

/// A thing that was seen.
#[derive(Debug, Clone, PartialEq)]
pub struct Thing {
    /// What it is, in English.
    pub label: &'static str,
    /// How sure that is, up to 1.
    pub probability: f32,
    /// Where it is.
    pub area: Area,
}

/// A line of text that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// What it says.
    pub text: String,
    /// How sure that is, up to 1.
    pub probability: f32,
    /// Where it is.
    pub area: Area,
}

/// Everything that was looked for in one picture; what was not looked for is absent.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sight {
    /// How wide the picture is, in pixels.
    pub width: u32,
    /// How high it is, in pixels.
    pub height: u32,
    /// Things, the surest first.
    pub things: Option<Vec<Thing>>,
    /// Lines of text, as one reads them.
    pub lines: Option<Vec<Line>>,
    /// How likely it is pornographic, up to 1.
    pub unfit: Option<f32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn areas_overlap_by_what_they_share() {
        let area = |x, width| Area { x, y: 0.0, width, height: 2.0 };
        assert_eq!(area(0.0, 4.0).overlap(&area(2.0, 4.0)), 4.0 / 12.0);
        assert_eq!(area(0.0, 4.0).overlap(&area(4.0, 4.0)), 0.0);
        assert_eq!(area(0.0, 0.0).overlap(&area(0.0, 0.0)), 0.0);
    }
}
