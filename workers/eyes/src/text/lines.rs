//! Where lines of text are: the network says of each pixel how likely it lies in the middle of one.

use std::path::Path;
use std::sync::Arc;

use image::RgbImage;
use image::imageops::{FilterType, resize};
use rten::ThreadPool;
use rten_tensor::prelude::*;
use rten_tensor::{NdTensor, Tensor};

use crate::defaults::{LINE_GROWTH, LINE_MIN, LINE_PIXEL_MIN, LINE_SIDE_MIN, LINES_SIDE_MAX, LINES_SIDE_MIN};
use crate::error::{Failure, LoadError};
use crate::network::Network;
use crate::sight::Area;

/// The sides of what the network looks at are multiples of this.
const STEP: u32 = 32;

#[derive(Debug)]
pub(super) struct Lines(Network);

impl Lines {
    pub(super) fn load(path: &Path, pool: &Arc<ThreadPool>) -> Result<Self, LoadError> {
        Ok(Self(Network::load(path, pool)?))
    }

    /// The lines, from top to bottom.
    pub(super) fn find(&self, picture: &RgbImage) -> Result<Vec<Area>, Failure> {
        let (width, height) = looked_at(picture.width(), picture.height());
        let sized = resize(picture, width, height, FilterType::Triangle);
        let input = NdTensor::from_fn([1, 3, height as usize, width as usize], |[_, channel, y, x]| {
            f32::from(sized.get_pixel(x as u32, y as u32).0[2 - channel]) / 127.5 - 1.0
        });
        let [output]: [Tensor<f32>; 1] = self.0.run(input)?;
        let likely = output.data().filter(|data| data.len() == (width * height) as usize);
        let likely = likely.ok_or_else(|| Failure::Engine("the network marks another picture".to_owned()))?;
        let scale = (picture.width() as f32 / width as f32, picture.height() as f32 / height as f32);
        let mut areas: Vec<Area> = patches(likely, width as usize)
            .into_iter()
            .filter(|patch| patch.mean >= LINE_MIN && patch.is_large_enough())
            .map(|patch| patch.grown(width as f32, height as f32).scaled(scale.0, scale.1))
            .collect();
        areas.sort_by(|a, b| a.y.total_cmp(&b.y));
        Ok(areas)
    }
}

/// The size of what the network looks at.
fn looked_at(width: u32, height: u32) -> (u32, u32) {
    let longest = width.max(height) as f32;
    let scale = longest.clamp(LINES_SIDE_MIN as f32, LINES_SIDE_MAX as f32) / longest;
    let side = |side: u32| (((side as f32 * scale) as u32).div_ceil(STEP) * STEP).max(STEP);
    (side(width), side(height))
}

/// Pixels that hang together.
#[derive(Debug)]
struct Patch {
    left: usize,
    top: usize,
    right: usize,
    bottom: usize,
    mean: f32,
}

impl Patch {
    fn is_large_enough(&self) -> bool {
        let shorter = (self.right - self.left + 1).min(self.bottom - self.top + 1);
        shorter >= LINE_SIDE_MIN as usize
    }

    /// The whole line, of which it is the middle.
    fn grown(&self, width: f32, height: f32) -> Area {
        let (w, h) = ((self.right - self.left + 1) as f32, (self.bottom - self.top + 1) as f32);
        let by = w * h * LINE_GROWTH / (2.0 * (w + h));
        let (x, y) = ((self.left as f32 - by).max(0.0), (self.top as f32 - by).max(0.0));
        let (right, bottom) = (self.left as f32 + w + by, self.top as f32 + h + by);
        Area { x, y, width: right.min(width) - x, height: bottom.min(height) - y }
    }
}

fn patches(likely: &[f32], width: usize) -> Vec<Patch> {
    let mut seen: Vec<bool> = likely.iter().map(|pixel| *pixel < LINE_PIXEL_MIN).collect();
    let (mut patches, mut open) = (Vec::new(), Vec::new());
    for start in 0..likely.len() {
        if std::mem::replace(&mut seen[start], true) {
            continue;
        }
        open.push(start);
        let (x, y) = (start % width, start / width);
        let mut patch = Patch { left: x, top: y, right: x, bottom: y, mean: 0.0 };
        let mut count = 0.0;
        while let Some(pixel) = open.pop() {
            let (x, y) = (pixel % width, pixel / width);
            patch.left = patch.left.min(x);
            patch.right = patch.right.max(x);
            patch.bottom = patch.bottom.max(y);
            patch.mean += likely[pixel];
            count += 1.0;
            let left = (x > 0).then(|| pixel - 1);
            let right = (x + 1 < width).then_some(pixel + 1);
            let above = pixel.checked_sub(width);
            let below = Some(pixel + width).filter(|below| *below < likely.len());
            for next in [left, right, above, below].into_iter().flatten() {
                if !std::mem::replace(&mut seen[next], true) {
                    open.push(next);
                }
            }
        }
        patch.mean /= count;
        patches.push(patch);
    }
    patches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_that_hang_together_are_one_patch() {
        let map = [
            0.9, 0.9, 0.0, 0.0, //
            0.0, 0.9, 0.0, 0.5, //
            0.0, 0.0, 0.0, 0.7, //
        ];
        let found = patches(&map, 4);
        let sides: Vec<_> = found.iter().map(|p| (p.left, p.top, p.right, p.bottom)).collect();
        assert_eq!(sides, [(0, 0, 1, 1), (3, 1, 3, 2)]);
        assert!((found[0].mean - 0.9).abs() < 1e-6 && (found[1].mean - 0.6).abs() < 1e-6);
    }

    #[test]
    fn what_is_looked_at_has_fitting_sides() {
        assert_eq!(looked_at(4_000, 2_000), (1_280, 640));
        assert_eq!(looked_at(100, 50), (736, 384));
        assert_eq!(looked_at(1_000, 1), (1_024, 32));
    }

    #[test]
    fn a_line_is_larger_than_its_middle_and_stays_in_the_picture() {
        let patch = Patch { left: 10, top: 2, right: 29, bottom: 6, mean: 1.0 };
        let area = patch.grown(32.0, 32.0);
        assert!((area.x - 6.8).abs() < 1e-3 && area.y == 0.0);
        assert!(area.x + area.width == 32.0 && (area.height - 10.2).abs() < 1e-3);
    }
}
