//! Every default and limit of the eyes, in one place.

/// Pictures looked at at once. They share the threads.
pub const SLOTS: u32 = 2;
/// Most jobs that `--slots` may ask for.
pub const SLOTS_MAX: u32 = 32;

/// Longest side of a picture, in pixels, as its file says before anything of it is unpacked.
pub const SIDE_MAX: u32 = 16_384;
/// Most pixels of a picture: 50 million. A telephone's camera makes 12 to 50.
pub const PIXELS_MAX: u64 = 50_000_000;
/// Most memory that one picture takes while it is unpacked, in bytes.
pub const UNPACKED_BYTES_MAX: u64 = 256 << 20;
/// Longest side of what is looked at: larger pictures are made smaller first.
pub const LOOKED_AT_SIDE_MAX: u32 = 2_048;

/// What a thing's probability must be for it to be seen.
pub const THING_MIN: f32 = 0.45;
/// Below this probability a thing is only perhaps there.
pub const THING_SURE: f32 = 0.6;
/// Boxes of one class that overlap more than this (intersection over union) are one thing.
pub const OVERLAP_MAX: f32 = 0.6;
/// Most things told of one picture.
pub const THINGS_MAX: usize = 50;

/// Longest side of what lines are looked for in, in pixels.
pub const LINES_SIDE_MAX: u32 = 1_280;
/// Pictures with a longest side below this are made larger first, so that small letters are found.
pub const LINES_SIDE_MIN: u32 = 736;
/// The probability from which on a pixel belongs to a line.
pub const LINE_PIXEL_MIN: f32 = 0.3;
/// What the mean probability of a line's pixels must be.
pub const LINE_MIN: f32 = 0.5;
/// The network marks the middle of a line: how much its box grows.
pub const LINE_GROWTH: f32 = 1.6;
/// The shortest side of a line, in pixels of what it was looked for in.
pub const LINE_SIDE_MIN: u32 = 3;
/// Most lines read in one picture.
pub const LINES_MAX: usize = 200;
/// The height of a line as it is read, in pixels.
pub const READ_HEIGHT: u32 = 48;
/// The narrowest and the widest line as it is read.
pub const READ_WIDTHS: (u32, u32) = (320, 3_200);
/// What the mean probability of a line's letters must be.
pub const READ_MIN: f32 = 0.5;
/// The same of a line of a single letter: round things look like an O.
pub const READ_SINGLE_MIN: f32 = 0.9;

/// From this probability on a picture is told to be unfit for some.
pub const UNFIT_MIN: f32 = 0.5;
