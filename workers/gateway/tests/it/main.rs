//! The gateway between a service and a realm that are both played by the tests.

#![allow(clippy::unwrap_used)]

mod attached;
mod calls;
mod mcp;
mod played;
mod realm;
mod service;
mod web;

use std::future::Future;
use std::time::Duration;

/// Waits for something that must come.
async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(Duration::from_secs(60), future).await {
        Ok(value) => value,
        Err(_) => panic!("waited in vain for {what}"),
    }
}
