//! All networks together.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use rten::ThreadPool;

use crate::error::{Failure, LoadError};
use crate::objects::Objects;
use crate::picture::Picture;
use crate::safety::Safety;
use crate::sight::{Area, Sight};
use crate::text::Text;

/// Where the models lie, and what they may use.
#[derive(Debug, Clone)]
pub struct EyesOptions {
    /// What finds things.
    pub objects: PathBuf,
    /// What finds lines of text.
    pub lines: PathBuf,
    /// What reads a line.
    pub letters: PathBuf,
    /// What judges whether a picture is fit to be shown.
    pub safety: PathBuf,
    /// Threads to compute with, shared by all who look.
    pub threads: NonZeroUsize,
}

/// What to look for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Looking {
    /// For all there is.
    ForAll,
    /// For things, and whether it is fit to be shown.
    ForKind,
    /// For text alone.
    ForText,
}

/// The networks, ready to look.
#[derive(Debug)]
pub struct Eyes {
    objects: Objects,
    text: Text,
    safety: Safety,
}

impl Eyes {
    /// Loads the networks: a second or less.
    ///
    /// # Errors
    /// [`LoadError`], which says what the user can do.
    pub fn open(options: &EyesOptions) -> Result<Self, LoadError> {
        let pool = Arc::new(ThreadPool::with_num_threads(options.threads.get()));
        Ok(Self {
            objects: Objects::load(&options.objects, &pool)?,
            text: Text::load(&options.lines, &options.letters, &pool)?,
            safety: Safety::load(&options.safety, &pool)?,
        })
    }

    /// Looks at a picture. Blocks for a tenth of a second and more, by how much text there is; `cancelled` is asked between
    /// the steps.
    ///
    /// # Errors
    /// [`Failure`] of the engine, or that nobody waits any more.
    pub fn look(
        &self,
        picture: &Picture,
        looking: Looking,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<Sight, Failure> {
        let pixels = &picture.pixels;
        let mut sight = Sight { width: picture.width, height: picture.height, ..Sight::default() };
        let go_on = || if cancelled() { Err(Failure::Cancelled) } else { Ok(()) };
        go_on()?;
        if looking != Looking::ForText {
            sight.things = Some(self.objects.find(pixels)?);
            go_on()?;
            sight.unfit = Some(self.safety.unfit(pixels)?);
            go_on()?;
        }
        if looking != Looking::ForKind {
            sight.lines = Some(self.text.read(pixels, cancelled)?);
        }
        // Where it was, in the picture as it came.
        let wide = picture.width as f32 / pixels.width() as f32;
        let high = picture.height as f32 / pixels.height() as f32;
        let place = |area: &mut Area| *area = area.scaled(wide, high);
        sight.things.iter_mut().flatten().for_each(|thing| place(&mut thing.area));
        sight.lines.iter_mut().flatten().for_each(|line| place(&mut line.area));
        Ok(sight)
    }
}
