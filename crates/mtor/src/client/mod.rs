//! Talking to a realm: its address, who asks, requests over HTTP, and a session over a WebSocket.

mod address;
mod api;
mod session;
mod who;

pub(crate) use address::RealmUrl;
pub(crate) use api::Api;
pub(crate) use session::{Lost, Session};
pub(crate) use who::{Who, WhoArg, did, load as load_key};

use crate::defaults;

/// `--realm URL`, for the commands that talk to a realm.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct RealmArg {
    /// The realm's address
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "MTOR_REALM",
        hide_env_values = true,
        default_value = defaults::REALM,
        value_parser = RealmUrl::parse
    )]
    pub(crate) realm: RealmUrl,
}
