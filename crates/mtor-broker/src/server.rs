//! The socket that listens: connections in, bounded in number, headers bounded in time and size, each served until it
//! ends or the broker closes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};

use crate::app::App;
use crate::defaults;

/// How long to wait after the system refused to accept, for example because too many files are open.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Where connections come from.
pub(crate) enum Door {
    /// They are made to this broker.
    Listening(TcpListener),
    /// They were made to any broker of the realm, and are handed to this one, which leads, with the address of who made them.
    Handed(mpsc::Receiver<(TcpStream, SocketAddr)>),
}

impl Door {
    /// The next connection; `None` when none will come any more.
    async fn next(&mut self) -> Option<std::io::Result<(TcpStream, SocketAddr)>> {
        match self {
            Self::Listening(listener) => Some(listener.accept().await),
            Self::Handed(handed) => handed.recv().await.map(Ok),
        }
    }
}

/// Serves connections until the broker closes.
pub(crate) async fn serve(app: Arc<App>, mut door: Door, router: Router) {
    let room = Arc::new(Semaphore::new(app.settings.file.limits.connections));
    loop {
        let accepted = tokio::select! {
            () = app.closing.cancelled() => return,
            accepted = door.next() => accepted,
        };
        let (socket, peer) = match accepted {
            None => return,
            Some(Ok(accepted)) => accepted,
            Some(Err(error)) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Ok(place) = room.clone().try_acquire_owned() else {
            app.metrics.connections_refused.inc();
            // Closed at once: that is said faster than any words.
            continue;
        };
        if let Err(error) = prepare(&socket) {
            tracing::debug!(%error, %peer, "a connection was gone before it began");
            continue;
        }
        let connection = connection(app.clone(), socket, peer, router.clone());
        app.tasks.spawn(async move {
            connection.await;
            drop(place);
        });
    }
}

/// Small frames leave at once, and a peer that is gone is noticed by the system, without a timer of ours.
fn prepare(socket: &TcpStream) -> std::io::Result<()> {
    socket.set_nodelay(true)?;
    rustix::net::sockopt::set_socket_keepalive(socket, true)?;
    rustix::net::sockopt::set_tcp_keepidle(socket, defaults::KEEPALIVE_IDLE)?;
    Ok(())
}

async fn connection(app: Arc<App>, socket: TcpStream, peer: SocketAddr, router: Router) {
    app.metrics.connections.inc();
    let routes = TowerToHyperService::new(router);
    // Not a layer: a layer would make all routes anew for every connection.
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        routes.call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(defaults::HEADER_TIMEOUT)
        .max_buf_size(defaults::HEADER_BYTES_MAX)
        .serve_connection(TokioIo::new(socket), service)
        .with_upgrades();
    tokio::pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = app.closing.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, %peer, "a connection ended");
    }
    app.metrics.connections.dec();
}
