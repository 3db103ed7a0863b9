//! Durations in configurations, written as `90s`, `10m` or `1h30m`.
//!
//! Use as `#[serde(with = "flow_daemon::config::duration")]`, and [`option`] for `Option<Duration>`.

use std::fmt;
use std::time::Duration;

use serde::de::{Deserializer, Error, Visitor};
use serde::ser::Serializer;

/// Writes a duration as text, such as `1h 30m`.
///
/// # Errors
/// As the serializer's.
pub fn serialize<S: Serializer>(value: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&humantime::format_duration(*value))
}

/// Reads a duration from text. A number without a unit is refused: nobody knows what it means.
///
/// # Errors
/// When the text is no duration.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    deserializer.deserialize_str(Text)
}

struct Text;

impl Visitor<'_> for Text {
    type Value = Duration;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a duration such as \"90s\", \"10m\" or \"1h30m\"")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Duration, E> {
        humantime::parse_duration(text.trim()).map_err(|why| {
            let text: String = text.chars().take(40).collect();
            E::custom(format!(
                "{text:?} is not a duration such as \"90s\", \"10m\" or \"1h30m\": {why}"
            ))
        })
    }
}

/// The same for a duration that may be absent; give the field `#[serde(default)]` too.
pub mod option {
    use super::{Deserializer, Duration, Serializer};

    /// Writes a duration as text, or nothing.
    ///
    /// # Errors
    /// As the serializer's.
    pub fn serialize<S: Serializer>(value: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => super::serialize(value, serializer),
            None => serializer.serialize_none(),
        }
    }

    /// Reads a duration from text.
    ///
    /// # Errors
    /// When the text is no duration.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        super::deserialize(deserializer).map(Some)
    }
}
