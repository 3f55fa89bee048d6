//! Where a realm is: from what people write to what is dialled and signed.

use std::fmt;
use std::net::IpAddr;

use tokio_tungstenite::tungstenite::http::Uri;

/// A realm's address, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RealmUrl {
    /// A name, an IPv4 address, or an IPv6 address without its brackets.
    host: String,
    port: u16,
    /// The path under which the realm stands, without a slash at its end; usually empty.
    prefix: String,
}

impl RealmUrl {
    /// Reads `http://HOST[:PORT][/PREFIX]`, with `ws://` for `http://` if one likes, or `HOST:PORT` alone.
    ///
    /// # Errors
    /// What is wrong, in words for whoever wrote it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.is_empty() {
            return Err("the address is empty; write it as http://HOST:PORT".to_owned());
        }
        let whole = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let uri: Uri =
            whole.parse().map_err(|_| "it is no address; write it as http://HOST:PORT".to_owned())?;
        match uri.scheme_str() {
            Some("http" | "ws") => {}
            Some("https" | "wss") => {
                return Err(
                    "TLS is not built in; run a TLS tunnel on this machine (stunnel, or ssh -L) and give \
                            its address as http://127.0.0.1:PORT"
                        .to_owned(),
                );
            }
            _ => return Err("it has a scheme other than http; write it as http://HOST:PORT".to_owned()),
        }
        let authority = uri.authority().ok_or("it names no host; write it as http://HOST:PORT")?;
        if authority.as_str().contains('@') {
            return Err("it has a user name; a wallet proves itself by its key, see --wallet".to_owned());
        }
        if uri.query().is_some() || text.contains('#') {
            return Err("it has a query or a fragment; write it as http://HOST:PORT".to_owned());
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        let port = match authority.as_str().strip_prefix(authority.host()) {
            None | Some("") => Some(80),
            Some(port) => port.strip_prefix(':').and_then(|digits| digits.parse().ok()),
        };
        let port = port.filter(|port| *port > 0).ok_or("its port is no number from 1 to 65535")?;
        if host.is_empty() {
            return Err("it names no host; write it as http://HOST:PORT".to_owned());
        }
        let prefix = uri.path().trim_end_matches('/');
        let prefix = prefix.strip_suffix("/ws").unwrap_or(prefix);
        Ok(Self { host: host.to_owned(), port, prefix: prefix.to_owned() })
    }

    /// The host to resolve.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Whether the realm is on this machine: then a request without a key is its owner's.
    pub(crate) fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }

    /// Host and port as they stand in a `Host` header, which is what a signature covers.
    pub(crate) fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == 80 { host } else { format!("{host}:{}", self.port) }
    }

    /// A route's path under this realm.
    pub(crate) fn path(&self, route: &str) -> String {
        format!("{}{route}", self.prefix)
    }

    /// The address of a route.
    pub(crate) fn http(&self, route: &str) -> String {
        format!("http://{}{}", self.authority(), self.path(route))
    }

    /// The address of the WebSocket.
    pub(crate) fn websocket(&self) -> String {
        format!("ws://{}{}", self.authority(), self.path("/ws"))
    }
}

impl fmt::Display for RealmUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.http(""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_usual_way_to_write_an_address_is_read() {
        let read = |text: &str| RealmUrl::parse(text).unwrap().to_string();
        assert_eq!(read("http://127.0.0.1:9000"), "http://127.0.0.1:9000");
        assert_eq!(read(" 127.0.0.1:9000 "), "http://127.0.0.1:9000");
        assert_eq!(read("localhost:9000"), "http://localhost:9000");
        assert_eq!(read("ws://[::1]:9000/ws"), "http://[::1]:9000");
        assert_eq!(read("http://a.example/realm/"), "http://a.example/realm");
        assert_eq!(RealmUrl::parse("http://a.example/r").unwrap().websocket(), "ws://a.example/r/ws");
    }

    #[test]
    fn wrong_addresses_are_told_what_is_wrong() {
        let said = |text: &str| RealmUrl::parse(text).unwrap_err();
        assert!(said("").contains("empty"));
        assert!(said("https://a.example").contains("TLS"));
        assert!(said("ftp://a.example").contains("scheme"));
        assert!(said("http://me:secret@a.example").contains("user name"));
        assert!(!said("http://me:secret@a.example").contains("secret"));
        assert!(said("http://a.example?x=1").contains("query"));
        assert!(said("http://a.example:").contains("port"));
        assert!(said("http://a.example:99999").contains("port"));
    }

    #[test]
    fn this_machine_is_known_by_all_its_names() {
        let local = |text: &str| RealmUrl::parse(text).unwrap().is_loopback();
        assert!(local("http://127.0.0.1:9000") && local("http://[::1]:1") && local("localhost:9000"));
        assert!(!local("http://10.0.0.1:9000") && !local("http://localhost.example"));
    }
}
