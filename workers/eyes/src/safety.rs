//! Whether a picture is fit to be shown to anybody: Open NSFW.

use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;

use image::codecs::jpeg::JpegEncoder;
use image::imageops::{FilterType, resize};
use image::{ImageFormat, RgbImage};
use rten::ThreadPool;
use rten_tensor::prelude::*;
use rten_tensor::{NdTensor, Tensor};

use crate::error::{Failure, LoadError};
use crate::network::Network;

/// A picture is brought to this side, and its middle is looked at.
const SIDE: u32 = 256;
const MIDDLE: u32 = 224;
/// What its makers take away from each colour: blue, green, red.
const MEANS: [f32; 3] = [104.0, 117.0, 123.0];
/// The network has only ever seen JPEG files, and judges others otherwise.
const JPEG_QUALITY: u8 = 75;

/// The network.
#[derive(Debug)]
pub(crate) struct Safety(Network);

impl Safety {
    pub(crate) fn load(path: &Path, pool: &Arc<ThreadPool>) -> Result<Self, LoadError> {
        Ok(Self(Network::load(path, pool)?))
    }

    /// How likely a picture is pornographic.
    pub(crate) fn unfit(&self, picture: &RgbImage) -> Result<f32, Failure> {
        let small = as_jpeg(&resize(picture, SIDE, SIDE, FilterType::Triangle))
            .map_err(|error| Failure::Engine(error.to_string()))?;
        let edge = (SIDE - MIDDLE) / 2;
        let side = MIDDLE as usize;
        let input = NdTensor::from_fn([1, side, side, 3], |[_, y, x, channel]| {
            let colour = small.get_pixel(x as u32 + edge, y as u32 + edge).0[2 - channel];
            f32::from(colour) - MEANS[channel]
        });
        let [output]: [Tensor<f32>; 1] = self.0.run(input)?;
        let likely = output.data().and_then(|data| data.get(1)).copied();
        likely.ok_or_else(|| Failure::Engine("the network gives one number instead of two".to_owned()))
    }
}

fn as_jpeg(picture: &RgbImage) -> image::ImageResult<RgbImage> {
    let mut bytes = Vec::new();
    picture.write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY))?;
    Ok(image::load(Cursor::new(bytes), ImageFormat::Jpeg)?.into_rgb8())
}
