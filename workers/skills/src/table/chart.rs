//! Charts as SVG: bars, a line, points, a histogram. Light or dark as the screen is; without scripts, and without a font of
//! their own.

use std::fmt::Write as _;

use super::facts::Numbers;
use crate::defaults::CHART_BINS_MAX;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 430.0;
const LEFT: f64 = 72.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 76.0;
const BOTTOM: f64 = 92.0;
/// About how many marks an axis has.
const TICKS: f64 = 5.0;
/// The most characters of a label below a bar, and of one that stands aslant.
const LABEL_CHARS_MAX: usize = 14;
const ASLANT_CHARS_MAX: usize = 10;
/// About how wide a character is, and how much room a line of them takes.
const CHAR_WIDTH: f64 = 7.5;
const ROOM_ASLANT: f64 = 40.0;

const STYLE: &str = ".b{fill:#fff}.t{fill:#1d2330}.s{fill:#5a6475}.g{stroke:#e2e6ee}.a{stroke:#98a1b3}.m{fill:#2f6fde}.f{fill:#2f6fde;fill-opacity:.12}.l{fill:none;stroke:#2f6fde;stroke-width:2.5;stroke-linejoin:round}text{font:13px system-ui,sans-serif}.h{font-size:17px;font-weight:600}@media(prefers-color-scheme:dark){.b{fill:#171b24}.t{fill:#e9edf5}.s{fill:#a3adbf}.g{stroke:#2b3242}.a{stroke:#5f6a80}.m{fill:#77a7ff}.f{fill:#77a7ff}.l{stroke:#77a7ff}}";

/// What is drawn.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Marks {
    /// A bar for each name.
    Bars(Vec<(String, f64)>),
    /// A line through named places that follow each other, such as days.
    Line(Vec<(String, f64)>),
    /// A point for each pair.
    Points(Vec<(f64, f64)>),
    /// How many values lie between neighbours of the first list.
    Histogram(Vec<f64>, Vec<usize>),
}

/// A chart.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Chart {
    pub(super) title: String,
    pub(super) x: String,
    pub(super) y: String,
    pub(super) marks: Marks,
}

impl Chart {
    /// The spread of these values; nothing when there are none.
    pub(super) fn histogram(title: String, x: String, y: String, values: &[f64]) -> Option<Self> {
        let (least, most) = ends(values.iter().copied())?;
        if !(most - least).is_finite() {
            return None;
        }
        let most = if least == most { least + least.abs().max(1.0) } else { most };
        // As many bins as the rule of Freedman and Diaconis says, or that of Sturges if those are more; with edges at round numbers.
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let [low, _, high] = Numbers::of(&sorted)?.quartiles;
        let count = values.len() as f64;
        let fine = (most - least) / (2.0 * (high - low) / count.cbrt());
        let bins =
            if fine.is_finite() { fine } else { 0.0 }.max(count.log2() + 1.0).clamp(1.0, CHART_BINS_MAX);
        let step = round_step((most - least) / bins);
        // Between whole numbers there is nothing to count.
        let step = if values.iter().all(|value| value.fract() == 0.0) { step.max(1.0) } else { step };
        let first = (least / step).floor();
        let count = ((most / step).floor() - first) as usize + 1;
        let mut counts = vec![0; count];
        for value in values {
            let at = ((value / step).floor() - first) as usize;
            counts[at.min(count - 1)] += 1;
        }
        let edges = (0..=count).map(|at| (first + at as f64) * step).collect();
        Self { title, x, y, marks: Marks::Histogram(edges, counts) }.drawable()
    }

    /// The chart, if its values are such that an axis can hold them.
    pub(super) fn drawable(self) -> Option<Self> {
        let fits = |values: &mut dyn Iterator<Item = f64>| {
            ends(values)
                .is_some_and(|(low, high)| (high - low).is_finite() && low.abs().max(high.abs()) < 1e300)
        };
        let all_fit = match &self.marks {
            Marks::Bars(all) | Marks::Line(all) => fits(&mut all.iter().map(|(_, y)| *y)),
            Marks::Points(all) => {
                fits(&mut all.iter().map(|(x, _)| *x)) && fits(&mut all.iter().map(|(_, y)| *y))
            }
            Marks::Histogram(edges, _) => fits(&mut edges.iter().copied()),
        };
        all_fit.then_some(self)
    }

    /// The picture.
    pub(super) fn svg(&self) -> String {
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" \
             role=\"img\"><title>{title}</title><style>{STYLE}</style>\
             <rect class=\"b\" width=\"100%\" height=\"100%\" rx=\"12\"/><text class=\"t h\" x=\"20\" y=\"30\">{title}</text>",
            title = escaped(&shortened(&self.title, 70)),
        );
        let ys: Vec<f64> = match &self.marks {
            Marks::Bars(all) | Marks::Line(all) => all.iter().map(|(_, y)| *y).collect(),
            Marks::Points(all) => all.iter().map(|(_, y)| *y).collect(),
            Marks::Histogram(_, counts) => counts.iter().map(|count| *count as f64).collect(),
        };
        // The length of a bar is its value, so bars stand on zero.
        let zero = matches!(self.marks, Marks::Bars(_) | Marks::Histogram(..)).then_some(0.0);
        let y = Axis::of(ys.into_iter().chain(zero), HEIGHT - BOTTOM, TOP);
        for tick in y.ticks() {
            let at = y.at(tick);
            let _ = write!(
                svg,
                "<line class=\"g\" x1=\"{LEFT}\" x2=\"{}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>\
                 <text class=\"s\" x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                WIDTH - RIGHT,
                LEFT - 8.0,
                at + 4.0,
                y.label(tick)
            );
        }
        match &self.marks {
            Marks::Bars(all) => bars(&mut svg, all, &y),
            Marks::Line(all) => line(&mut svg, all, &y),
            Marks::Points(all) => {
                let x = Axis::of(all.iter().map(|(x, _)| *x), LEFT + 6.0, WIDTH - RIGHT - 6.0);
                marks_below(&mut svg, &x);
                for (px, py) in all {
                    let (px, py) = (x.at(*px), y.at(*py));
                    let _ = write!(
                        svg,
                        "<circle class=\"m\" fill-opacity=\".7\" cx=\"{px:.1}\" cy=\"{py:.1}\" r=\"4\"/>"
                    );
                }
            }
            Marks::Histogram(edges, counts) => {
                let x = Axis::of(edges.iter().copied(), LEFT, WIDTH - RIGHT);
                marks_below(&mut svg, &x);
                for (edge, count) in edges.windows(2).zip(counts) {
                    let (left, right) = (x.at(edge[0]), x.at(edge[1]));
                    bar(&mut svg, left + 1.0, (right - left - 2.0).max(1.0), *count as f64, &y);
                }
            }
        }
        let base = y.at(y.low.max(0.0).min(y.high));
        let _ = write!(
            svg,
            "<line class=\"a\" x1=\"{LEFT}\" x2=\"{}\" y1=\"{base:.1}\" y2=\"{base:.1}\"/>\
             <text class=\"s\" x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>\
             <text class=\"s\" x=\"20\" y=\"53\">{}</text></svg>",
            WIDTH - RIGHT,
            f64::midpoint(LEFT, WIDTH - RIGHT),
            HEIGHT - 10.0,
            escaped(&shortened(&self.x, 60)),
            escaped(&shortened(&self.y, 60)),
        );
        svg
    }
}

/// Where values stand.
#[derive(Debug)]
struct Axis {
    low: f64,
    high: f64,
    step: f64,
    from: f64,
    to: f64,
}

impl Axis {
    /// An axis from one place to another that has room for all values, and ends at round numbers.
    fn of(values: impl Iterator<Item = f64>, from: f64, to: f64) -> Self {
        let (low, high) = ends(values).unwrap_or((0.0, 1.0));
        let high = if high > low { high } else { low + low.abs().max(1.0) };
        let step = round_step((high - low) / TICKS);
        Self { low: (low / step).floor() * step, high: (high / step).ceil() * step, step, from, to }
    }

    fn at(&self, value: f64) -> f64 {
        self.from + (value - self.low) / (self.high - self.low) * (self.to - self.from)
    }

    fn ticks(&self) -> impl Iterator<Item = f64> {
        let count = ((self.high - self.low) / self.step).round() as usize;
        (0..=count).map(|at| self.low + at as f64 * self.step)
    }

    fn label(&self, value: f64) -> String {
        if self.step >= 1e7 || self.step < 1e-6 {
            return format!("{value:.1e}");
        }
        let (value, unit) = if self.step >= 1e3 { (value / 1e3, "k") } else { (value, "") };
        let step = if unit.is_empty() { self.step } else { self.step / 1e3 };
        let digits = (-step.log10().floor()).max(0.0) as usize;
        let zero = value.abs() < step / 2.0;
        if zero { "0".to_owned() } else { format!("{value:.digits$}{unit}") }
    }
}

fn bars(svg: &mut String, all: &[(String, f64)], y: &Axis) {
    let room = (WIDTH - LEFT - RIGHT) / all.len().max(1) as f64;
    let width = (room * 0.7).min(72.0);
    let longest = all.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let fits = longest.min(LABEL_CHARS_MAX) as f64 * CHAR_WIDTH <= room;
    let slant = if fits {
        Slant::None
    } else if room > ROOM_ASLANT {
        Slant::Some
    } else {
        Slant::Steep
    };
    for (at, (name, value)) in all.iter().enumerate() {
        let middle = LEFT + room * (at as f64 + 0.5);
        bar(svg, middle - width / 2.0, width, *value, y);
        below(svg, middle, name, slant);
    }
}

fn line(svg: &mut String, all: &[(String, f64)], y: &Axis) {
    let room = (WIDTH - LEFT - RIGHT) / all.len().max(1) as f64;
    let place = |at: usize| LEFT + room * (at as f64 + 0.5);
    let points: Vec<String> = (all.iter().enumerate())
        .map(|(at, (_, value))| format!("{:.1},{:.1}", place(at), y.at(*value)))
        .collect();
    if y.low <= 0.0 {
        // What is filled has a size, so it stands on zero, as bars do.
        let base = y.at(y.high.min(0.0));
        let (first, last, area) = (place(0), place(all.len().saturating_sub(1)), points.join(" "));
        let _ =
            write!(svg, "<polygon class=\"f\" points=\"{first:.1},{base:.1} {area} {last:.1},{base:.1}\"/>");
    }
    let _ = write!(svg, "<polyline class=\"l\" points=\"{}\"/>", points.join(" "));
    // As many names as have room.
    let every = (90.0 / room).ceil().max(1.0) as usize;
    for (at, (name, _)) in all.iter().enumerate().step_by(every) {
        below(svg, place(at), name, Slant::None);
    }
}

fn bar(svg: &mut String, x: f64, width: f64, value: f64, y: &Axis) {
    let (end, base) = (y.at(value), y.at(0.0));
    let _ = write!(
        svg,
        "<rect class=\"m\" x=\"{x:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"{:.1}\" rx=\"2\"/>",
        end.min(base),
        (base - end).abs()
    );
}

fn marks_below(svg: &mut String, x: &Axis) {
    for tick in x.ticks() {
        below(svg, x.at(tick), &x.label(tick), Slant::None);
    }
}

/// How a label stands, by the room that there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slant {
    None,
    Some,
    Steep,
}

/// A word below the chart.
fn below(svg: &mut String, x: f64, text: &str, slant: Slant) {
    let y = HEIGHT - BOTTOM + 18.0;
    let (degrees, chars_max) = match slant {
        Slant::None => (0, LABEL_CHARS_MAX),
        Slant::Some => (-30, ASLANT_CHARS_MAX),
        Slant::Steep => (-60, ASLANT_CHARS_MAX - 1),
    };
    let turned =
        if degrees == 0 { String::new() } else { format!(" transform=\"rotate({degrees} {x:.1} {y})\"") };
    let anchor = if degrees == 0 { "middle" } else { "end" };
    let text = escaped(&shortened(text, chars_max));
    let _ = write!(
        svg,
        "<text class=\"s\" x=\"{x:.1}\" y=\"{y}\" text-anchor=\"{anchor}\"{turned}>{text}</text>"
    );
}

fn ends(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.fold(None, |ends, value| {
        let (low, high) = ends.unwrap_or((value, value));
        Some((low.min(value), high.max(value)))
    })
}

/// The next of 1, 2, 5 times a power of ten.
fn round_step(rough: f64) -> f64 {
    let power = 10f64.powf(rough.log10().floor());
    let factor = [1.0, 2.0, 5.0].into_iter().find(|factor| factor * power >= rough * 0.999).unwrap_or(10.0);
    factor * power
}

fn shortened(text: &str, chars_max: usize) -> String {
    if text.chars().count() <= chars_max {
        return text.to_owned();
    }
    text.chars().take(chars_max - 1).chain(['…']).collect()
}

fn escaped(text: &str) -> String {
    let plain: String = text.chars().filter(|c| !c.is_control()).collect();
    plain.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(marks: Marks) -> String {
        Chart { title: "<script>".into(), x: "a & b".into(), y: "y".into(), marks }.svg()
    }

    #[test]
    fn names_are_text_and_never_markup() {
        let svg = chart(Marks::Bars(vec![("<b>".into(), 1.0), ("x".into(), -2.0)]));
        assert!(!svg.contains("<script>") && !svg.contains("<b>") && svg.contains("a &amp; b"), "{svg}");
        assert_eq!(svg.matches("class=\"m\"").count(), 2);
    }

    #[test]
    fn axes_end_at_round_numbers() {
        let axis = Axis::of([3.0, 97.0].into_iter(), 0.0, 100.0);
        assert_eq!(
            axis.ticks().map(|tick| axis.label(tick)).collect::<Vec<_>>(),
            ["0", "20", "40", "60", "80", "100"]
        );
        let same = Axis::of([5.0, 5.0].into_iter(), 0.0, 1.0);
        assert!(same.at(5.0).is_finite());
        let small = Axis::of([0.0, 0.5].into_iter(), 0.0, 1.0);
        assert_eq!(small.label(0.1), "0.1");
    }

    #[test]
    fn histograms_count_every_value_once() {
        let values: Vec<f64> = (0..100).map(f64::from).collect();
        let chart = Chart::histogram(String::new(), String::new(), String::new(), &values).unwrap();
        let Marks::Histogram(edges, counts) = chart.marks else { panic!() };
        assert_eq!(counts.iter().sum::<usize>(), 100);
        assert_eq!(edges.len(), counts.len() + 1);
        let of = |values: &[f64]| Chart::histogram(String::new(), String::new(), String::new(), values);
        assert!(of(&[]).is_none() && of(&[f64::MIN, f64::MAX]).is_none());
        for values in [&[2.0][..], &[1e17, 1e17], &[-0.1, 0.1], &[0.0, 1e9, 1.0, 2.0, 3.0, 4.0]] {
            let Marks::Histogram(edges, counts) = of(values).unwrap().marks else { panic!() };
            assert_eq!(counts.iter().sum::<usize>(), values.len());
            assert!(edges.is_sorted() && counts.len() <= CHART_BINS_MAX as usize + 2, "{edges:?}");
        }
    }

    #[test]
    fn what_no_axis_can_hold_is_not_drawn() {
        let chart = |marks| Chart { title: String::new(), x: String::new(), y: String::new(), marks };
        assert!(chart(Marks::Points(vec![(f64::MAX, 1.0), (f64::MIN, 2.0)])).drawable().is_none());
        assert!(chart(Marks::Points(vec![(1.0, 1.0), (2.0, 2.0)])).drawable().is_some());
    }
}
