//! What can be seen in a picture: things and where they are, text, and whether it is fit to be shown.
//!
//! [`Picture::open`] unpacks a file within bounds, [`Eyes`] look at it and give a [`Sight`], and [`answer`](describe::answer)
//! says it in words. One network each finds things (`objects`), finds and reads lines (`text`) and judges (`safety`).
//!
//! What must not live here: the wire. The eyes know nothing of brokers, jobs or money; the adapter in the binary
//! translates.

pub mod defaults;
pub mod describe;

mod error;
mod eyes;
mod network;
mod objects;
mod picture;
mod safety;
mod sight;
mod text;

pub use error::{Failure, LoadError};
pub use eyes::{Eyes, EyesOptions, Looking};
pub use picture::Picture;
pub use sight::{Area, Line, Sight, Thing};
