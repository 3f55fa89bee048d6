//! From the bytes of a picture to its pixels, as a person would see them, and nothing else.
//!
//! Files of strangers are opened here. How large a picture is stands in its first bytes: that is checked before anything is
//! unpacked. Of what a camera writes beside the pixels (place, time, maker) only the way up is looked at.

use std::io::Cursor;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits, RgbImage};

use crate::defaults::{LOOKED_AT_SIDE_MAX, PIXELS_MAX, SIDE_MAX, UNPACKED_BYTES_MAX};
use crate::error::Failure;

/// A picture, the right way up.
#[derive(Debug)]
pub struct Picture {
    /// The pixels, no more than are looked at.
    pub(crate) pixels: RgbImage,
    /// How wide it was, in pixels.
    pub width: u32,
    /// How high it was, in pixels.
    pub height: u32,
}

impl Picture {
    /// Unpacks a JPEG, PNG, WebP or GIF file; of moving ones the first picture.
    ///
    /// # Errors
    /// [`Failure`], in words for whoever has shown it.
    pub fn open(bytes: &[u8]) -> Result<Self, Failure> {
        let format = format(bytes)?;
        let mut decoder =
            ImageReader::with_format(Cursor::new(bytes), format).into_decoder().map_err(damaged)?;
        let (width, height) = decoder.dimensions();
        let too_large = Failure::TooLarge { width, height };
        let pixels = u64::from(width) * u64::from(height);
        if width.max(height) > SIDE_MAX || pixels > PIXELS_MAX || decoder.total_bytes() > UNPACKED_BYTES_MAX {
            return Err(too_large);
        }
        let mut limits = Limits::default();
        limits.max_alloc = Some(UNPACKED_BYTES_MAX);
        let refused = |error| match error {
            ImageError::Limits(_) => too_large.clone(),
            other => damaged(other),
        };
        decoder.set_limits(limits).map_err(refused)?;
        // A broken note about the way up is no reason to look at nothing.
        let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
        let image = DynamicImage::from_decoder(decoder).map_err(refused)?;
        // Small first: turning and flattening then cost little.
        let mut image = match width.max(height) > LOOKED_AT_SIDE_MAX {
            true => image.thumbnail(LOOKED_AT_SIDE_MAX, LOOKED_AT_SIDE_MAX),
            false => image,
        };
        image.apply_orientation(orientation);
        let lies = (image.width() > image.height()) != (width > height) && image.width() != image.height();
        let (width, height) = if lies { (height, width) } else { (width, height) };
        Ok(Self { pixels: on_white(image), width, height })
    }
}

/// The format, by the first bytes.
fn format(bytes: &[u8]) -> Result<ImageFormat, Failure> {
    let brand = bytes.get(4..12).filter(|head| head.starts_with(b"ftyp")).map(|head| &head[4..]);
    let not_taken = |format, advice| Err(Failure::NotTaken { format, advice });
    match (bytes, brand) {
        (_, Some(b"heic" | b"heix" | b"hevc" | b"hevx" | b"heim" | b"heis" | b"mif1" | b"msf1")) => {
            not_taken(
                "a HEIC file",
                "save it as JPEG or PNG first. An iPhone does so by itself when Settings, Camera, Formats says Most Compatible, and when a photo is shared through Mail or chosen in the browser",
            )
        }
        (_, Some(b"avif" | b"avis")) => not_taken("an AVIF file", "save it as JPEG, PNG or WebP first"),
        ([b'B', b'M', ..], _) => not_taken("a BMP file", "save it as PNG first"),
        ([b'I', b'I', 42, 0, ..] | [b'M', b'M', 0, 42, ..], _) => {
            not_taken("a TIFF file", "save it as JPEG or PNG first")
        }
        ([b'%', b'P', b'D', b'F', ..], _) => not_taken("a PDF file", "show a page of it as a picture"),
        ([0xff, 0xd8, 0xff, ..], _) => Ok(ImageFormat::Jpeg),
        ([0x89, b'P', b'N', b'G', ..], _) => Ok(ImageFormat::Png),
        ([b'G', b'I', b'F', b'8', ..], _) => Ok(ImageFormat::Gif),
        ([b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..], _) => Ok(ImageFormat::WebP),
        _ => Err(Failure::Unknown),
    }
}

fn damaged(error: ImageError) -> Failure {
    Failure::Damaged(error.to_string())
}

/// What shines through is white, as on paper.
fn on_white(image: DynamicImage) -> RgbImage {
    if !image.color().has_alpha() {
        return image.into_rgb8();
    }
    let image = image.into_rgba8();
    let (width, height) = image.dimensions();
    RgbImage::from_fn(width, height, |x, y| {
        let [r, g, b, alpha] = image.get_pixel(x, y).0.map(u32::from);
        let over = |colour: u32| ((colour * alpha + 255 * (255 - alpha)) / 255) as u8;
        image::Rgb([over(r), over(g), over(b)])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Wide and low: red on the left, blue on the right.
    fn flag() -> RgbImage {
        RgbImage::from_fn(40, 20, |x, _| image::Rgb(if x < 20 { [255, 0, 0] } else { [0, 0, 255] }))
    }

    fn file(format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        flag().write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    /// A JPEG file with a note of which way is up, and a place where it was taken.
    fn turned(orientation: u8) -> Vec<u8> {
        let jpeg = file(ImageFormat::Jpeg);
        let tiff = [
            &b"MM\0\x2a\0\0\0\x08\0\x01"[..],
            &[1, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0],
            &[0, 0, 0, 0],
        ]
        .concat();
        let length = (2 + 6 + tiff.len()) as u16;
        [&jpeg[..2], &[0xff, 0xe1], &length.to_be_bytes(), b"Exif\0\0", &tiff, &jpeg[2..]].concat()
    }

    fn is_red(picture: &Picture, x: u32, y: u32) -> bool {
        let [red, _, blue] = picture.pixels.get_pixel(x, y).0;
        red > blue
    }

    #[test]
    fn four_formats_are_opened() {
        for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP, ImageFormat::Gif] {
            let picture = Picture::open(&file(format)).unwrap();
            assert_eq!((picture.width, picture.height), (40, 20), "{format:?}");
            assert!(is_red(&picture, 5, 10) && !is_red(&picture, 35, 10), "{format:?}");
        }
    }

    #[test]
    fn a_picture_that_was_taken_sideways_is_seen_the_right_way_up() {
        let upright = Picture::open(&turned(1)).unwrap();
        assert_eq!((upright.width, upright.height), (40, 20));
        // Six: the camera was held so that the right of the pixels is the bottom.
        let picture = Picture::open(&turned(6)).unwrap();
        assert_eq!((picture.width, picture.height), (20, 40));
        assert!(is_red(&picture, 10, 5) && !is_red(&picture, 10, 35));
        let picture = Picture::open(&turned(3)).unwrap();
        assert!(!is_red(&picture, 5, 10) && is_red(&picture, 35, 10));
    }

    #[test]
    fn what_is_not_taken_says_what_to_do() {
        let heic = Picture::open(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic").unwrap_err().to_string();
        assert!(heic.contains("HEIC") && heic.contains("JPEG or PNG first"), "{heic}");
        assert!(Picture::open(b"\0\0\0\x18ftypavif").unwrap_err().to_string().contains("AVIF"));
        assert_eq!(Picture::open(b"hello, I am text").unwrap_err(), Failure::Unknown);
        assert_eq!(Picture::open(b"").unwrap_err(), Failure::Unknown);
        for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP, ImageFormat::Gif] {
            let bytes = file(format);
            let cut = Picture::open(&bytes[..bytes.len() / 2]);
            // A JPEG file that breaks off may still show its beginning.
            assert!(cut.is_err() || format == ImageFormat::Jpeg, "{format:?}");
        }
    }

    #[test]
    fn a_bomb_is_refused_before_it_is_unpacked() {
        // The header of a PNG file that claims a billion pixels, and what comes after it is never looked at.
        let mut bomb = file(ImageFormat::Png);
        bomb[16..20].copy_from_slice(&30_000_u32.to_be_bytes());
        bomb[20..24].copy_from_slice(&40_000_u32.to_be_bytes());
        let crc = crc32(&bomb[12..29]);
        bomb[29..33].copy_from_slice(&crc.to_be_bytes());
        assert_eq!(Picture::open(&bomb).unwrap_err(), Failure::TooLarge { width: 30_000, height: 40_000 });
        // Few enough pixels, and too many bytes: 16 bits in four channels.
        let mut deep = file(ImageFormat::Png);
        deep[16..20].copy_from_slice(&7_000_u32.to_be_bytes());
        deep[20..24].copy_from_slice(&7_000_u32.to_be_bytes());
        deep[24..26].copy_from_slice(&[16, 6]);
        let crc = crc32(&deep[12..29]);
        deep[29..33].copy_from_slice(&crc.to_be_bytes());
        assert!(matches!(Picture::open(&deep), Err(Failure::TooLarge { .. })));
    }

    fn crc32(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(!0, |crc: u32, byte| {
            (0..8)
                .fold(crc ^ u32::from(*byte), |crc, _| crc >> 1 ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 })
        })
    }

    #[test]
    fn what_shines_through_is_white() {
        let clear = DynamicImage::ImageRgba8(image::RgbaImage::from_pixel(1, 1, image::Rgba([9, 9, 9, 0])));
        assert_eq!(on_white(clear).get_pixel(0, 0).0, [255, 255, 255]);
    }
}
