//! Names of things: jobs, accounts, keys, digests, moments. Newtypes, so that one can't be passed for another.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

/// Why a piece of text is no valid name of its kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {found:?} is not {wanted}")]
pub struct NameError {
    what: &'static str,
    wanted: &'static str,
    found: String,
}

impl NameError {
    fn new(what: &'static str, wanted: &'static str, found: &str) -> Self {
        Self { what, wanted, found: found.chars().take(80).collect() }
    }
}

macro_rules! uuid_like {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u128);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                Uuid::from_u128(self.0).as_hyphenated().fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                Uuid::parse_str(text).map(|uuid| Self(uuid.as_u128())).map_err(|_| NameError::new($what, "a UUID", text))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut buffer = Uuid::encode_buffer();
                serializer.serialize_str(Uuid::from_u128(self.0).as_hyphenated().encode_lower(&mut buffer))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "format": "uuid", "description": $what })
            }
        }
    };
}

uuid_like! {
    /// One unit of work, from accepted to settled. Chosen by the client: 128 bits that grow with time (UUID version 7).
    /// The same id with the same request is the same job; with another request it is a conflict.
    JobId, "job id"
}

uuid_like! {
    /// An account in the realm's books. A wallet's account is its GUID, derived from its public key.
    AccountId, "account id"
}

uuid_like! {
    /// A key of a wallet, by the GUID that is derived from it. The account of a wallet has the GUID of the wallet's first key,
    /// and keeps it when the key changes.
    KeyId, "key id"
}

impl KeyId {
    /// The account of a wallet whose first key this is.
    pub fn first_of(self) -> AccountId {
        AccountId(self.0)
    }
}

impl AccountId {
    /// The first key of the wallet that has this account.
    pub fn first_key(self) -> KeyId {
        KeyId(self.0)
    }
}

impl JobId {
    /// A new id for a job submitted now, on this machine's clock.
    pub fn generate() -> Self {
        Self(Uuid::now_v7().as_u128())
    }
}

/// Who somebody is: `did:key:z6Mk...`, an Ed25519 public key by its name. Parsed and verified by `mtor-identity`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Did(pub String);

impl Did {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Did {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Did {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A SHA-256 digest, 64 hexadecimal digits in text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = NameError;
    fn from_str(text: &str) -> Result<Self, NameError> {
        let wrong = || NameError::new("digest", "64 hexadecimal digits", text);
        let digits = text.as_bytes();
        if digits.len() != 64 {
            return Err(wrong());
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let value = |digit: u8| (digit as char).to_digit(16).ok_or_else(wrong);
            *byte = (value(pair[0])? << 4 | value(pair[1])?) as u8;
        }
        Ok(Self(bytes))
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [0; 64];
        for (pair, byte) in text.chunks_exact_mut(2).zip(self.0) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        serializer.serialize_str(std::str::from_utf8(&text).map_err(serde::ser::Error::custom)?)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Digest {
    fn schema_name() -> Cow<'static, str> {
        "Digest".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[0-9a-f]{64}$", "description": "SHA-256, hexadecimal" })
    }
}

/// A moment: milliseconds since the Unix epoch, RFC 3339 in text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// The last moment that can be written down: the end of the year 9999 but one day, in any time zone.
    pub const MAX: Self = Self(253_402_207_200_000);

    /// This moment and `ms` milliseconds more; stays at [`MAX`](Self::MAX) when that is passed.
    pub fn plus_ms(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms)).min(Self::MAX)
    }

    /// Milliseconds from `earlier` to this moment; zero when it lies in the future.
    pub fn since_ms(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = i64::try_from(self.0).map_err(|_| fmt::Error)?;
        let moment = jiff::Timestamp::from_millisecond(ms).map_err(|_| fmt::Error)?;
        write!(f, "{moment:.3}")
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}ms", self.0)
    }
}

impl FromStr for Timestamp {
    type Err = NameError;
    fn from_str(text: &str) -> Result<Self, NameError> {
        let wrong = || NameError::new("time", "an RFC 3339 time since 1970", text);
        let moment: jiff::Timestamp = text.parse().map_err(|_| wrong())?;
        u64::try_from(moment.as_millisecond()).map(Self).map_err(|_| wrong())
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Timestamp {
    fn schema_name() -> Cow<'static, str> {
        "Timestamp".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn ids_digests_and_times_survive_their_text(id: u128, bytes: [u8; 32], ms in 0u64..253_402_300_800_000) {
            prop_assert_eq!(JobId(id).to_string().parse(), Ok(JobId(id)));
            prop_assert_eq!(Digest(bytes).to_string().parse(), Ok(Digest(bytes)));
            prop_assert_eq!(Timestamp(ms).to_string().parse(), Ok(Timestamp(ms)));
            let json = serde_json::to_string(&(JobId(id), Digest(bytes), Timestamp(ms))).unwrap();
            prop_assert_eq!(serde_json::from_str::<(JobId, Digest, Timestamp)>(&json).unwrap(), (JobId(id), Digest(bytes), Timestamp(ms)));
        }

        #[test]
        fn nonsense_is_refused_and_never_panics(text: String) {
            prop_assume!(Uuid::parse_str(&text).is_err());
            prop_assert!(text.parse::<JobId>().is_err());
            let _ = text.parse::<Digest>();
            let _ = text.parse::<Timestamp>();
        }
    }

    #[test]
    fn the_last_moment_can_be_written_down() {
        let last = Timestamp(5).plus_ms(u64::MAX);
        assert_eq!((last, last.to_string().parse()), (Timestamp::MAX, Ok(Timestamp::MAX)));
    }

    #[test]
    fn later_ids_sort_later() {
        let first = JobId::generate();
        let second = JobId::generate();
        assert!(first.0 >> 80 <= second.0 >> 80, "the upper 48 bits are the time");
    }

    #[test]
    fn errors_say_what_is_wanted() {
        let error = "abc".parse::<JobId>().unwrap_err();
        assert_eq!(error.to_string(), r#"job id: "abc" is not a UUID"#);
    }
}
