//! Times as RFC 822 writes them.

use flow_domain::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use utoipa::ToSchema;

/// Whole seconds in UTC, where nothing is said of a zone: `-0000`.
const FORMAT: &str = "%a, %d %b %Y %H:%M:%S -0000";

/// An instant, written like `Mon, 25 Jul 2022 15:59:55 -0000`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ToSchema)]
#[schema(value_type = String, examples("Mon, 25 Jul 2022 15:59:55 -0000"))]
pub struct LegacyTime(pub Timestamp);

impl Serialize for LegacyTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let at = jiff::Timestamp::from_microsecond(self.0.micros()).map_err(serde::ser::Error::custom)?;
        serializer.collect_str(&at.strftime(FORMAT))
    }
}

impl<'de> Deserialize<'de> for LegacyTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let at = jiff::fmt::rfc2822::parse(&text).map_err(de::Error::custom)?;
        Ok(Self(Timestamp(at.timestamp().as_microsecond())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_clients_read_them() {
        for (micros, text) in [
            (1_658_764_795_000_000, "\"Mon, 25 Jul 2022 15:59:55 -0000\""),
            (1_646_125_505_999_999, "\"Tue, 01 Mar 2022 09:05:05 -0000\""),
            (0, "\"Thu, 01 Jan 1970 00:00:00 -0000\""),
        ] {
            assert_eq!(serde_json::to_string(&LegacyTime(Timestamp(micros))).unwrap(), text);
            let read: LegacyTime = serde_json::from_str(text).unwrap();
            assert_eq!(read.0.micros(), micros - micros % 1_000_000);
        }
    }
}
