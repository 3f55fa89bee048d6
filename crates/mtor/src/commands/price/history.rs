//! How prices were of late: as a line of blocks for people, and as comma-separated values for programs.

use mtor_protocol::http::{PriceHistory, PricePoint};

/// Blocks of rising height.
const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// How many of them a line has.
const WIDTH: usize = 60;

/// A line for each ware: its price over time, lowest and highest, and what it is now.
pub(super) fn lines(histories: &[PriceHistory]) -> String {
    let wares: Vec<String> = histories.iter().map(|history| history.ware().to_string()).collect();
    let width = wares.iter().map(|ware| ware.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for (ware, history) in wares.iter().zip(histories) {
        let (Some(first), Some(last)) = (history.points.first(), history.points.last()) else { continue };
        let factors = history.points.iter().map(|point| point.factor_permille);
        let (low, high) = (factors.clone().min().unwrap_or(0), factors.max().unwrap_or(0));
        text.push_str(&format!(
            "{ware:<width$}  {}  {} % of the list price now, {} to {} % since {}, load {} %\n",
            sparkline(&history.points),
            percent(last.factor_permille),
            percent(low),
            percent(high),
            first.time,
            last.load_percent,
        ));
    }
    text
}

/// Prices in blocks, the highest and the lowest as far apart as can be. Of many points each block is the mean.
fn sparkline(points: &[PricePoint]) -> String {
    let width = WIDTH.min(points.len());
    let bounds = |index: usize| index * points.len() / width.max(1);
    let mean = |index: usize| {
        let some = &points[bounds(index)..bounds(index + 1)];
        some.iter().map(|point| f64::from(point.factor_permille)).sum::<f64>() / some.len().max(1) as f64
    };
    let means: Vec<f64> = (0..width).map(mean).collect();
    let low = means.iter().copied().fold(f64::INFINITY, f64::min);
    let high = means.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let block = |mean: &f64| {
        let place = if high > low { (mean - low) / (high - low) } else { 0.5 };
        BLOCKS[((place * BLOCKS.len() as f64) as usize).min(BLOCKS.len() - 1)]
    };
    means.iter().map(block).collect()
}

fn percent(permille: u32) -> u32 {
    (permille + 5) / 10
}

/// A heading, and a line for each point. No name has a comma or a quotation mark in it.
pub(super) fn csv(histories: &[PriceHistory]) -> String {
    let mut text = "time,ware,price_permille_of_list,load_percent\n".to_owned();
    for history in histories {
        let ware = history.ware();
        for PricePoint { time, factor_permille, load_percent } in &history.points {
            text.push_str(&format!("{time},{ware},{factor_permille},{load_percent}\n"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use mtor_protocol::{CapabilityKind, ModelSize, Timestamp};

    use super::*;

    fn history(factors: &[u32]) -> PriceHistory {
        let point = |(minute, factor_permille): (u64, &u32)| PricePoint {
            time: Timestamp(minute * 60_000),
            factor_permille: *factor_permille,
            load_percent: 80,
        };
        let points = (0..).zip(factors).map(point).collect();
        PriceHistory { capability: CapabilityKind::CHAT, size: ModelSize::Large, points }
    }

    #[test]
    fn prices_are_drawn_from_the_lowest_to_the_highest() {
        let text = lines(&[history(&[500, 1_000, 1_500, 2_000])]);
        let since = "50 to 200 % since 1970-01-01T00:00:00.000Z, load 80 %";
        assert_eq!(text, format!("chat/large  ▁▃▆█  200 % of the list price now, {since}\n"));
        assert_eq!(sparkline(&history(&[700; 3]).points), "▅▅▅");
        let many: Vec<u32> = (0..6_000).collect();
        let drawn = sparkline(&history(&many).points);
        assert_eq!(drawn.chars().count(), WIDTH);
        assert!(drawn.starts_with('▁') && drawn.ends_with('█'));
    }

    #[test]
    fn programs_get_a_line_for_each_point() {
        let expected = "\
time,ware,price_permille_of_list,load_percent
1970-01-01T00:00:00.000Z,chat/large,900,80
1970-01-01T00:01:00.000Z,chat/large,1100,80
";
        assert_eq!(csv(&[history(&[900, 1_100])]), expected);
    }
}
