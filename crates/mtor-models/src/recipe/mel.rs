//! The filters through which Whisper sees a spectrum: triangles on the mel scale of Slaney's Auditory Toolbox, each with
//! an area of one, for 16 kHz and windows of 400 samples.

/// Frequencies of the spectrum: from none to 8 kHz.
pub(crate) const FREQUENCIES: usize = 201;

const HIGHEST_HZ: f64 = 8_000.0;
/// Below it the scale is linear, above it logarithmic.
const KNEE_HZ: f64 = 1_000.0;
const HZ_PER_MEL: f64 = 200.0 / 3.0;
const KNEE_MEL: f64 = KNEE_HZ / HZ_PER_MEL;

/// Row by row, one row per filter. The rounding follows the tables that Whisper was trained with: to single precision
/// before the scaling, and after it.
pub(crate) fn filters(count: usize) -> Vec<f32> {
    let highest = mel(HIGHEST_HZ);
    let step = highest / (count + 1) as f64;
    let corner = |n: usize| hz(if n > count { highest } else { step * n as f64 });
    let mut rows = Vec::with_capacity(count * FREQUENCIES);
    for filter in 0..count {
        let (left, top, right) = (corner(filter), corner(filter + 1), corner(filter + 2));
        let scale = 2.0 / (right - left);
        for n in 0..FREQUENCIES {
            let at = HIGHEST_HZ * n as f64 / (FREQUENCIES - 1) as f64;
            let height = ((at - left) / (top - left)).min((right - at) / (right - top));
            // Not `max`, which may give a zero of either sign: the file is pinned to the last bit.
            let height = if height > 0.0 { height } else { 0.0 };
            rows.push((f64::from(height as f32) * scale) as f32);
        }
    }
    rows
}

fn log_step() -> f64 {
    6.4_f64.ln() / 27.0
}

fn mel(hz: f64) -> f64 {
    if hz >= KNEE_HZ { KNEE_MEL + (hz / KNEE_HZ).ln() / log_step() } else { hz / HZ_PER_MEL }
}

fn hz(mel: f64) -> f64 {
    if mel >= KNEE_MEL { KNEE_HZ * (log_step() * (mel - KNEE_MEL)).exp() } else { mel * HZ_PER_MEL }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_filter_is_one_triangle_of_area_one() {
        let rows = filters(80);
        assert!(rows.iter().all(|weight| weight.is_sign_positive()));
        assert_eq!(rows.len(), 80 * FREQUENCIES);
        for (filter, row) in rows.chunks(FREQUENCIES).enumerate() {
            let last_rise = row.windows(2).rposition(|pair| pair[1] > pair[0]);
            let first_fall = row.windows(2).position(|pair| pair[1] < pair[0]);
            assert!(last_rise < first_fall, "filter {filter} rises, then falls");
        }
        // High ones are wide enough for the sum over 40 Hz steps to come near the area.
        let area: f32 = rows[79 * FREQUENCIES..].iter().sum::<f32>() * 40.0;
        assert!((area - 1.0).abs() < 0.02, "{area}");
    }

    #[test]
    fn the_scale_goes_there_and_back() {
        for at in [0.0, 440.0, 999.0, 1_000.0, 4_321.0, 8_000.0] {
            assert!((hz(mel(at)) - at).abs() < 1e-9);
        }
        assert!((mel(1_000.0) - 15.0).abs() < 1e-9);
    }
}
