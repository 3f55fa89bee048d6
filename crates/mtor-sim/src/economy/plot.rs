//! Plots as SVG: axes, lines, bars, no scripts, no fonts to load.

use std::fmt::Write as _;

const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 300.0;
const LEFT: f64 = 60.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 34.0;
const BOTTOM: f64 = 40.0;
const COLOURS: [&str; 4] = ["#2563a8", "#c2571a", "#4d7c32", "#7a4aa0"];
/// Lines across.
const STEPS: u32 = 5;

/// One line of a plot.
pub(super) struct Line<'a> {
    pub(super) name: &'a str,
    pub(super) points: Vec<(f64, f64)>,
}

/// Lines over one axis. `marked` are parts of the axis that have a name.
pub(super) fn lines(
    title: &str,
    axes: (&str, &str),
    lines: &[Line<'_>],
    marked: &[(&str, f64, f64)],
) -> String {
    let all = || lines.iter().flat_map(|line| &line.points);
    let x_max = all().map(|(x, _)| *x).fold(0.0, f64::max).max(f64::MIN_POSITIVE);
    let y_max = round_up(all().map(|(_, y)| *y).fold(0.0, f64::max));
    let x_at = |x: f64| LEFT + x / x_max * (WIDTH - LEFT - RIGHT);
    let y_at = |y: f64| HEIGHT - BOTTOM - y / y_max * (HEIGHT - TOP - BOTTOM);
    let mut svg = begin(title);
    for (name, from, to) in marked {
        let (x, width) = (x_at(*from), (x_at(*to) - x_at(*from)).max(2.0));
        let height = HEIGHT - TOP - BOTTOM;
        line_to(
            &mut svg,
            format_args!("<rect x='{x:.1}' y='{TOP}' width='{width:.1}' height='{height}' fill='#8886'/>"),
        );
        text(&mut svg, x + width + 3.0, TOP + 10.0, "start", name);
    }
    grid(&mut svg, axes, (x_max, y_max));
    for (line, colour) in lines.iter().zip(COLOURS) {
        let points: Vec<String> =
            line.points.iter().map(|(x, y)| format!("{:.1},{:.1}", x_at(*x), y_at(*y))).collect();
        let points = points.join(" ");
        line_to(
            &mut svg,
            format_args!("<polyline fill='none' stroke='{colour}' stroke-width='1.2' points='{points}'/>"),
        );
    }
    legend(&mut svg, lines.iter().map(|line| line.name));
    svg + "</svg>\n"
}

/// One bar for each name.
pub(super) fn bars(title: &str, unit: &str, values: &[(&str, f64)]) -> String {
    let y_max = round_up(values.iter().map(|(_, value)| *value).fold(0.0, f64::max));
    let mut svg = begin(title);
    grid(&mut svg, ("", unit), (0.0, y_max));
    let each = (WIDTH - LEFT - RIGHT) / values.len().max(1) as f64;
    for (place, (name, value)) in (0..).zip(values) {
        let x = LEFT + each * (f64::from(place) + 0.2);
        let height = value / y_max * (HEIGHT - TOP - BOTTOM);
        let y = HEIGHT - BOTTOM - height;
        let (width, colour) = (each * 0.6, COLOURS[0]);
        line_to(
            &mut svg,
            format_args!(
                "<rect x='{x:.1}' y='{y:.1}' width='{width:.1}' height='{height:.1}' fill='{colour}'/>"
            ),
        );
        text(&mut svg, x + width / 2.0, y - 4.0, "middle", &format!("{value:.2}"));
        text(&mut svg, x + width / 2.0, HEIGHT - BOTTOM + 16.0, "middle", name);
    }
    svg + "</svg>\n"
}

fn begin(title: &str) -> String {
    let mut svg = format!(
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {HEIGHT}' font-family='sans-serif' font-size='11'>\n"
    );
    line_to(&mut svg, format_args!("<rect width='{WIDTH}' height='{HEIGHT}' fill='#fff'/>"));
    line_to(&mut svg, format_args!("<text x='{LEFT}' y='20' font-size='14'>{title}</text>"));
    svg
}

fn grid(svg: &mut String, (x_name, y_name): (&str, &str), (x_max, y_max): (f64, f64)) {
    let right = WIDTH - RIGHT;
    for step in 0..=STEPS {
        let part = f64::from(step) / f64::from(STEPS);
        let y = HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM);
        line_to(svg, format_args!("<line x1='{LEFT}' y1='{y:.1}' x2='{right}' y2='{y:.1}' stroke='#0003'/>"));
        text(svg, LEFT - 6.0, y + 4.0, "end", &number(part * y_max));
    }
    if x_max > 0.0 {
        for step in 0..=STEPS {
            let part = f64::from(step) / f64::from(STEPS);
            let x = LEFT + part * (right - LEFT);
            text(svg, x, HEIGHT - BOTTOM + 16.0, "middle", &number(part * x_max));
        }
    }
    text(svg, right, HEIGHT - 8.0, "end", x_name);
    line_to(
        svg,
        format_args!(
            "<text transform='translate(14 {:.1}) rotate(-90)' text-anchor='middle'>{y_name}</text>",
            HEIGHT / 2.0
        ),
    );
}

fn legend<'a>(svg: &mut String, names: impl Iterator<Item = &'a str>) {
    for ((place, name), colour) in (0..).zip(names).zip(COLOURS) {
        let x = WIDTH - RIGHT - 150.0 * f64::from(place) - 140.0;
        line_to(svg, format_args!("<rect x='{x}' y='12' width='10' height='10' fill='{colour}'/>"));
        text(svg, x + 14.0, 21.0, "start", name);
    }
}

fn text(svg: &mut String, x: f64, y: f64, anchor: &str, words: &str) {
    line_to(svg, format_args!("<text x='{x:.1}' y='{y:.1}' text-anchor='{anchor}'>{words}</text>"));
}

fn line_to(svg: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing to a string can't fail.
    let _ = writeln!(svg, "{line}");
}

fn number(value: f64) -> String {
    let text = if value >= 20.0 { format!("{value:.0}") } else { format!("{value:.2}") };
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// The next number that an axis looks well with.
fn round_up(value: f64) -> f64 {
    if value <= 0.0 {
        return 1.0;
    }
    let power = 10_f64.powf(value.log10().floor());
    let steps = [1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 7.5, 10.0];
    steps.into_iter().map(|step| step * power).find(|top| *top >= value).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_end_at_round_numbers() {
        let ends: Vec<f64> = [0.0, 0.9, 1.2, 34.0, 760.0].into_iter().map(round_up).collect();
        assert_eq!(ends, [1.0, 1.0, 1.5, 40.0, 1_000.0]);
    }

    #[test]
    fn a_plot_is_whole_and_asks_for_nothing() {
        let line = Line { name: "price", points: vec![(0.0, 1.0), (1.0, 2.0)] };
        let svg = lines("Prices", ("days", "times the list"), &[line], &[("surge", 0.2, 0.4)]);
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
        assert_eq!(
            svg.matches("href").count() + svg.matches("<script").count() + svg.matches("url(").count(),
            0
        );
        assert!(svg.contains("points='60.0,147.0 880.0,34.0'"), "{svg}");
    }
}
