//! The side that is connected to.

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpListener;

use crate::address::Address;
use crate::connection::Connection;

/// A socket that connections come to.
pub struct Listener(Socket);

enum Socket {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(tokio::net::UnixListener),
}

impl Listener {
    /// Listens at an address. A socket in the file system that nobody listens at any more is made anew.
    ///
    /// # Errors
    /// Why it can't be listened on.
    pub async fn bind(address: &Address) -> io::Result<Self> {
        match address {
            Address::Tcp(host, port) => {
                Ok(Self(Socket::Tcp(TcpListener::bind((host.as_str(), *port)).await?)))
            }
            #[cfg(unix)]
            Address::Unix(path) => {
                let bind = || tokio::net::UnixListener::bind(path);
                let bound = match bind() {
                    Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                        if tokio::net::UnixStream::connect(path).await.is_ok() {
                            return Err(error);
                        }
                        std::fs::remove_file(path)?;
                        bind()
                    }
                    bound => bound,
                };
                Ok(Self(Socket::Unix(bound?)))
            }
            #[cfg(not(unix))]
            Address::Unix(_) => {
                Err(io::Error::new(io::ErrorKind::Unsupported, "this system has no unix sockets"))
            }
        }
    }

    /// A listener over a socket that is bound already.
    pub fn from_tcp(listener: TcpListener) -> Self {
        Self(Socket::Tcp(listener))
    }

    /// Where it listens, if it does so over TCP.
    pub fn local_addr(&self) -> Option<SocketAddr> {
        match &self.0 {
            Socket::Tcp(listener) => listener.local_addr().ok(),
            #[cfg(unix)]
            Socket::Unix(_) => None,
        }
    }

    /// The next connection, and where it comes from, if over TCP.
    ///
    /// # Errors
    /// When the system can't accept it; the listener can go on after it.
    ///
    /// # Cancel safety
    /// Cancel safe: no connection is lost.
    pub async fn accept(&self) -> io::Result<(Connection, Option<SocketAddr>)> {
        match &self.0 {
            Socket::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                Ok((Connection::from_tcp(stream)?, Some(peer)))
            }
            #[cfg(unix)]
            Socket::Unix(listener) => {
                let (read, write) = listener.accept().await?.0.into_split();
                Ok((Connection::new(read, write), None))
            }
        }
    }
}
