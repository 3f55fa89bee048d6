//! Where a service or a satellite is, as people write it: `tcp://HOST:PORT` or `unix:///PATH`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// An address of the protocol.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Address {
    /// A host, by name or number (IPv6 without brackets), and a port.
    Tcp(String, u16),
    /// A socket in the file system.
    Unix(PathBuf),
}

/// What is wrong with an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{address:?} {fault}; write tcp://HOST:PORT or unix:///PATH")]
pub struct AddressError {
    address: String,
    fault: &'static str,
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let wrong = |fault| AddressError { address: text.to_owned(), fault };
        let text = text.trim();
        if let Some(path) = text.strip_prefix("unix://") {
            return if path.starts_with('/') {
                Ok(Self::Unix(path.into()))
            } else {
                Err(wrong("names no path that begins with /"))
            };
        }
        let Some(rest) = text.strip_prefix("tcp://") else {
            return Err(wrong("begins with neither tcp:// nor unix://"));
        };
        let (host, port) =
            rest.trim_end_matches('/').rsplit_once(':').ok_or_else(|| wrong("names no port"))?;
        let port = port.parse().ok().filter(|port| *port > 0);
        let port = port.ok_or_else(|| wrong("has a port that is no number from 1 to 65535"))?;
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let host = match bare {
            Some(host) => host,
            None if host.contains(':') => return Err(wrong("has an IPv6 address without [ ]")),
            None => host,
        };
        if host.is_empty() || host.contains(['/', '@', '?', '#', ' ']) {
            return Err(wrong("names no host"));
        }
        Ok(Self::Tcp(host.to_owned(), port))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(host, port) if host.contains(':') => write!(f, "tcp://[{host}]:{port}"),
            Self::Tcp(host, port) => write!(f, "tcp://{host}:{port}"),
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_as_people_write_them() {
        for text in
            ["tcp://127.0.0.1:10300", "tcp://kitchen.local:1", "tcp://[::1]:10300", "unix:///run/ears.sock"]
        {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
        assert_eq!("tcp://[::1]:9/".parse(), Ok(Address::Tcp("::1".into(), 9)));
    }

    #[test]
    fn wrong_addresses_say_what_is_wrong() {
        for (text, said) in [
            ("127.0.0.1:10300", "begins with neither tcp:// nor unix://"),
            ("http://a:1", "begins with neither"),
            ("tcp://a", "names no port"),
            ("tcp://a:0", "a port that is no number"),
            ("tcp://a:70000", "a port that is no number"),
            ("tcp://:10300", "names no host"),
            ("tcp://::1:10300", "without [ ]"),
            ("tcp://me@a:10300", "names no host"),
            ("unix://sock", "no path that begins with /"),
        ] {
            let error = text.parse::<Address>().unwrap_err().to_string();
            assert!(
                error.contains(said) && error.ends_with("write tcp://HOST:PORT or unix:///PATH"),
                "{error}"
            );
        }
    }
}
