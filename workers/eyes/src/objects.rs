//! Which things there are, and where: NanoDet, which knows the 80 classes of COCO.

use std::path::Path;
use std::sync::Arc;

use image::RgbImage;
use image::imageops::{FilterType, resize};
use rten::ThreadPool;
use rten_tensor::prelude::*;
use rten_tensor::{NdTensor, Tensor};

use crate::defaults::{OVERLAP_MAX, THING_MIN, THINGS_MAX};
use crate::error::{Failure, LoadError};
use crate::network::Network;
use crate::sight::{Area, Thing};

/// What the network looks at has this side, in pixels.
const SIDE: u32 = 416;
/// The distance between the cells of each of its grids, in pixels.
const STRIDES: [u32; 3] = [8, 16, 32];
/// The distance of a box's side from its cell is told as how likely each of these many strides is.
const BINS: usize = 11;
/// What the network's makers take away from each colour and divide it by: blue, green, red.
const MEANS: [f32; 3] = [103.53, 116.28, 123.675];
const DEVIATIONS: [f32; 3] = [57.375, 57.12, 58.395];

/// The things that it knows, in the order of its outputs.
pub(crate) const CLASSES: [&str; 80] = [
    "person",
    "bicycle",
    "car",
    "motorcycle",
    "airplane",
    "bus",
    "train",
    "truck",
    "boat",
    "traffic light",
    "fire hydrant",
    "stop sign",
    "parking meter",
    "bench",
    "bird",
    "cat",
    "dog",
    "horse",
    "sheep",
    "cow",
    "elephant",
    "bear",
    "zebra",
    "giraffe",
    "backpack",
    "umbrella",
    "handbag",
    "tie",
    "suitcase",
    "frisbee",
    "skis",
    "snowboard",
    "sports ball",
    "kite",
    "baseball bat",
    "baseball glove",
    "skateboard",
    "surfboard",
    "tennis racket",
    "bottle",
    "wine glass",
    "cup",
    "fork",
    "knife",
    "spoon",
    "bowl",
    "banana",
    "apple",
    "sandwich",
    "orange",
    "broccoli",
    "carrot",
    "hot dog",
    "pizza",
    "donut",
    "cake",
    "chair",
    "couch",
    "potted plant",
    "bed",
    "dining table",
    "toilet",
    "television",
    "laptop",
    "mouse",
    "remote control",
    "keyboard",
    "cell phone",
    "microwave",
    "oven",
    "toaster",
    "sink",
    "refrigerator",
    "book",
    "clock",
    "vase",
    "scissors",
    "teddy bear",
    "hair drier",
    "toothbrush",
];

/// The network.
#[derive(Debug)]
pub(crate) struct Objects(Network);

impl Objects {
    pub(crate) fn load(path: &Path, pool: &Arc<ThreadPool>) -> Result<Self, LoadError> {
        Ok(Self(Network::load(path, pool)?))
    }

    /// The things in a picture, the surest first.
    pub(crate) fn find(&self, picture: &RgbImage) -> Result<Vec<Thing>, Failure> {
        let small = resize(picture, SIDE, SIDE, FilterType::Triangle);
        let side = SIDE as usize;
        let input = NdTensor::from_fn([1, 3, side, side], |[_, channel, y, x]| {
            let colour = small.get_pixel(x as u32, y as u32).0[2 - channel];
            (f32::from(colour) - MEANS[channel]) / DEVIATIONS[channel]
        });
        let outputs: [Tensor<f32>; 6] = self.0.run(input)?;
        let mut found = Vec::new();
        for (grid, stride) in STRIDES.into_iter().enumerate() {
            let (Some(likely), Some(sides)) = (outputs[grid].data(), outputs[grid + 3].data()) else {
                return Err(Failure::Engine("an output does not lie in one piece".to_owned()));
            };
            found.extend(boxes(likely, sides, stride));
        }
        let mut things = one_each(found);
        let (width, height) = (picture.width() as f32, picture.height() as f32);
        things.iter_mut().for_each(|thing| {
            thing.area = thing.area.scaled(width / SIDE as f32, height / SIDE as f32);
        });
        Ok(things)
    }
}

/// What one grid has found, in pixels of what was looked at.
fn boxes(likely: &[f32], sides: &[f32], stride: u32) -> Vec<Thing> {
    let across = (SIDE / stride) as usize;
    let cells = likely.chunks_exact(CLASSES.len()).zip(sides.chunks_exact(4 * BINS)).enumerate();
    let found = cells.filter_map(|(cell, (classes, sides))| {
        let (class, probability) = classes.iter().copied().enumerate().max_by(|a, b| a.1.total_cmp(&b.1))?;
        if probability < THING_MIN {
            return None;
        }
        let centre = |place: usize| (place as f32 + 0.5) * stride as f32;
        let (x, y) = (centre(cell % across), centre(cell / across));
        let mut far = sides.chunks_exact(BINS).map(|bins| expected(bins) * stride as f32);
        let (left, top, right, bottom) = (far.next()?, far.next()?, far.next()?, far.next()?);
        let inside = |place: f32| place.clamp(0.0, SIDE as f32);
        let (left, top) = (inside(x - left), inside(y - top));
        let area =
            Area { x: left, y: top, width: inside(x + right) - left, height: inside(y + bottom) - top };
        Some(Thing { label: CLASSES[class], probability, area })
    });
    found.collect()
}

/// The expectation over the bins, whose likelihoods are told as logarithms.
fn expected(bins: &[f32]) -> f32 {
    let most = bins.iter().copied().fold(f32::MIN, f32::max);
    let (mut sum, mut weights) = (0.0, 0.0);
    for (place, bin) in bins.iter().enumerate() {
        let weight = (bin - most).exp();
        sum += weight * place as f32;
        weights += weight;
    }
    sum / weights
}

/// Of boxes that show the same thing the surest one.
fn one_each(mut found: Vec<Thing>) -> Vec<Thing> {
    found.sort_by(|a, b| b.probability.total_cmp(&a.probability));
    let mut kept: Vec<Thing> = Vec::new();
    for thing in found {
        let is_known = kept
            .iter()
            .any(|known| known.label == thing.label && known.area.overlap(&thing.area) > OVERLAP_MAX);
        if !is_known && kept.len() < THINGS_MAX {
            kept.push(thing);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_tells_class_and_box() {
        // The third cell of the second row of the coarsest grid sees a cat, a stride from each of its sides.
        let across = (SIDE / 32) as usize;
        let (mut likely, mut sides) = (vec![0.0; across * across * 80], vec![0.0; across * across * 44]);
        let cell = across + 2;
        likely[cell * 80 + 15] = 0.9;
        (0..4).for_each(|side| sides[cell * 44 + side * BINS + 1] = 100.0);
        let found = boxes(&likely, &sides, 32);
        let [Thing { label: "cat", area, .. }] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!((area.x, area.y, area.width, area.height), (48.0, 16.0, 64.0, 64.0));
    }

    #[test]
    fn boxes_of_the_same_thing_are_one_and_of_different_ones_are_not() {
        let thing = |label, probability, x| Thing {
            label,
            probability,
            area: Area { x, y: 0.0, width: 10.0, height: 10.0 },
        };
        let kept = one_each(vec![
            thing("cup", 0.5, 0.0),
            thing("cup", 0.9, 1.0),
            thing("bowl", 0.6, 1.0),
            thing("cup", 0.7, 30.0),
        ]);
        let labels: Vec<_> = kept.iter().map(|thing| (thing.label, thing.probability)).collect();
        assert_eq!(labels, [("cup", 0.9), ("cup", 0.7), ("bowl", 0.6)]);
    }
}
