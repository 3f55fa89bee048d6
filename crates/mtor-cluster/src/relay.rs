//! Connections that were made to a follower, on their way to the leader.
//!
//! The follower opens a connection to the leader's address for brokers, shows that it has the realm's key by signing what the
//! leader sends, and says who has connected to it; from then on bytes go to and fro as they are. So the leader judges a client by
//! its own address, and nobody but the realm's brokers can claim one. What goes through is not encrypted: brokers stand in one
//! network, or have a tunnel between them.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, bail, ensure};
use mtor_identity::random::random_bytes;
use mtor_identity::{Keypair, Signature};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::defaults::{HANDSHAKE_TIMEOUT, INTRODUCTION_BYTES_MAX};

/// What the leader begins with. Another version has another.
const GREETING: &[u8; 12] = b"mtor-relay/1";
/// What the leader ends with; whoever does not lead hangs up.
const LEADS: u8 = 1;
/// So that the signature can't be taken for one of anything else.
const DOMAIN: &[u8] = b"mtor broker relay 1\0";

/// What a follower says of a connection that it hands on.
#[derive(Debug, Serialize, Deserialize)]
struct Introduction {
    /// Who has connected.
    client: SocketAddr,
}

/// The leader's side: lets a broker of the realm in, and gives who has connected to it.
///
/// # Errors
/// When it is no broker of the realm.
pub(crate) async fn receive(socket: &mut TcpStream, key: &Keypair) -> Result<SocketAddr> {
    let greet = async {
        let nonce: [u8; 32] = random_bytes()?;
        socket.write_all(GREETING).await?;
        socket.write_all(&nonce).await?;
        let length = usize::from(socket.read_u16().await?);
        ensure!(length <= INTRODUCTION_BYTES_MAX, "it says too much");
        let mut said = vec![0; length];
        socket.read_exact(&mut said).await?;
        let mut signature = [0; 64];
        socket.read_exact(&mut signature).await?;
        let signed = Signature::from_bytes(signature);
        key.public().verify(&message(&nonce, &said), &signed).context("it does not have the realm's key")?;
        Ok(serde_json::from_slice::<Introduction>(&said)?.client)
    };
    timeout(HANDSHAKE_TIMEOUT, greet).await.context("it said nothing in time")?
}

/// The leader's side, in the end: from now on it serves the client.
///
/// # Errors
/// When the follower is gone.
pub(crate) async fn accept(socket: &mut TcpStream) -> std::io::Result<()> {
    socket.write_u8(LEADS).await
}

/// A follower's side: a connection to the leader on which the client's bytes can follow.
///
/// # Errors
/// When the leader can't be reached, or is none.
pub(crate) async fn reach(leader: &str, key: &Keypair, client: SocketAddr) -> Result<TcpStream> {
    let greet = async {
        let mut socket = TcpStream::connect(leader).await?;
        socket.set_nodelay(true)?;
        let mut greeting = [0; GREETING.len()];
        socket.read_exact(&mut greeting).await?;
        if &greeting != GREETING {
            bail!("it is no broker of this version");
        }
        let mut nonce = [0; 32];
        socket.read_exact(&mut nonce).await?;
        let said = serde_json::to_vec(&Introduction { client })?;
        let signature = key.sign(&message(&nonce, &said));
        let mut reply = Vec::with_capacity(2 + said.len() + 64);
        reply.extend(u16::try_from(said.len())?.to_be_bytes());
        reply.extend(&said);
        reply.extend(signature.to_bytes());
        socket.write_all(&reply).await?;
        ensure!(socket.read_u8().await? == LEADS, "it does not lead");
        Ok(socket)
    };
    timeout(HANDSHAKE_TIMEOUT, greet).await.context("it does not answer")?
}

fn message(nonce: &[u8; 32], said: &[u8]) -> Vec<u8> {
    [DOMAIN, nonce, said].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    async fn meet(
        leads: Keypair,
        follows: Keypair,
        is_leading: bool,
    ) -> (Result<SocketAddr>, Result<TcpStream>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let client: SocketAddr = "192.0.2.7:4711".parse().unwrap();
        let receiving = async {
            let (mut socket, _) = listener.accept().await.unwrap();
            let received = receive(&mut socket, &leads).await;
            if received.is_ok() && is_leading {
                accept(&mut socket).await.unwrap();
            }
            received
        };
        tokio::join!(receiving, reach(&address, &follows, client))
    }

    #[tokio::test]
    async fn a_broker_of_the_realm_says_for_whom_it_comes() {
        let (received, reached) = meet(Keypair::from_seed([1; 32]), Keypair::from_seed([1; 32]), true).await;
        assert_eq!(received.unwrap().to_string(), "192.0.2.7:4711");
        reached.unwrap();
    }

    #[tokio::test]
    async fn whoever_does_not_lead_serves_nobody() {
        let (received, reached) = meet(Keypair::from_seed([1; 32]), Keypair::from_seed([1; 32]), false).await;
        received.unwrap();
        reached.unwrap_err();
    }

    #[tokio::test]
    async fn nobody_else_can_claim_to_come_for_somebody() {
        let (received, _) = meet(Keypair::from_seed([1; 32]), Keypair::from_seed([2; 32]), true).await;
        assert!(received.unwrap_err().to_string().contains("realm's key"));
    }

    #[tokio::test]
    async fn who_says_too_much_is_not_listened_to() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut stranger = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        stranger.write_all(&[0xff; 8]).await.unwrap();
        let (mut socket, _) = listener.accept().await.unwrap();
        let refused = receive(&mut socket, &Keypair::from_seed([1; 32])).await.unwrap_err();
        assert!(refused.to_string().contains("too much"), "{refused:#}");
    }
}
