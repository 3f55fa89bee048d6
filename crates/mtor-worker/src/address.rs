//! Where a realm is: from what people write to what is dialled.

use std::fmt;

use tokio_tungstenite::tungstenite::http::Uri;

use crate::error::WorkerError;

/// The route of the WebSocket, below the realm's address.
const ROUTE: &str = "/ws";
/// The port when none is written, as for any http address.
const PORT: u16 = 80;

/// A realm's address, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    /// The host to resolve: a name, an IPv4 address, or an IPv6 address without its brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// The address of the WebSocket.
    pub(crate) url: String,
}

impl Address {
    /// Reads `http://HOST[:PORT][/PREFIX]`, with `ws://` for `http://` if one likes and with or without `/ws` at the end.
    pub(crate) fn parse(text: &str) -> Result<Self, WorkerError> {
        let wrong = |fault| WorkerError::Address { address: text.to_owned(), fault };
        let uri: Uri = text.trim().parse().map_err(|_| wrong("is not a URL"))?;
        match uri.scheme_str() {
            Some("http" | "ws") => {}
            Some("https" | "wss") => return Err(WorkerError::Tls(text.to_owned())),
            Some(_) => return Err(wrong("has a scheme other than http and ws")),
            None => return Err(wrong("does not start with http://")),
        }
        let authority = uri.authority().ok_or_else(|| wrong("names no host"))?;
        if authority.as_str().contains('@') {
            // Not shown: what stands before the @ may be a secret.
            let address = "http://...@...".to_owned();
            return Err(WorkerError::Address {
                address,
                fault: "has a user name; a worker proves itself by its key",
            });
        }
        if uri.query().is_some() || text.contains('#') {
            return Err(wrong("has a query or a fragment"));
        }
        if authority.host().is_empty() {
            return Err(wrong("names no host"));
        }
        let port = match authority.as_str().strip_prefix(authority.host()) {
            Some("") => PORT,
            Some(port) => match port.trim_start_matches(':').parse() {
                Ok(port) if port > 0 => port,
                _ => return Err(wrong("has a port that is no number from 1 to 65535")),
            },
            None => return Err(wrong("names no host")),
        };
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let prefix = uri.path().trim_end_matches('/');
        let prefix = prefix.strip_suffix(ROUTE).unwrap_or(prefix);
        Ok(Self { host, port, url: format!("ws://{authority}{prefix}{ROUTE}") })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (String, u16, String) {
        let address = Address::parse(text).unwrap();
        (address.host, address.port, address.url)
    }

    #[test]
    fn addresses_as_people_write_them() {
        let home = || ("127.0.0.1".to_owned(), 9000, "ws://127.0.0.1:9000/ws".to_owned());
        for same in [
            "http://127.0.0.1:9000",
            "ws://127.0.0.1:9000/",
            "ws://127.0.0.1:9000/ws",
            " http://127.0.0.1:9000\n",
        ] {
            assert_eq!(read(same), home(), "{same:?}");
        }
        assert_eq!(
            read("http://realm.example"),
            ("realm.example".into(), 80, "ws://realm.example/ws".into())
        );
        assert_eq!(read("http://[::1]:9000"), ("::1".into(), 9000, "ws://[::1]:9000/ws".into()));
        assert_eq!(read("http://a.example/my/realm/").2, "ws://a.example/my/realm/ws");
    }

    #[test]
    fn wrong_addresses_say_what_is_wrong() {
        let cases = [
            ("", "is not a URL"),
            ("127.0.0.1:9000", "does not start with http://"),
            ("/ws", "does not start with http://"),
            ("ftp://a.example", "scheme other than"),
            ("https://a.example", "asks for TLS"),
            ("wss://a.example", "asks for TLS"),
            ("http://a.example:99999", "a port that is no number"),
            ("http://a.example:0", "a port that is no number"),
            ("http://a.example:", "a port that is no number"),
            ("http://a.example?key=1", "has a query"),
            ("http://a.example/#top", "a query or a fragment"),
            ("http://:9000", "names no host"),
        ];
        for (text, said) in cases {
            let error = Address::parse(text).unwrap_err().to_string();
            assert!(error.contains(said), "{text:?} gives {error:?}");
        }
    }

    #[test]
    fn a_secret_in_an_address_is_not_repeated() {
        let error = Address::parse("http://me:hunter2@a.example").unwrap_err().to_string();
        assert!(error.contains("user name") && !error.contains("hunter2"), "{error}");
    }
}
