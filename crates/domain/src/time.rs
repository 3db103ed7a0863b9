//! Instants and spans as the platform stores them: whole microseconds and milliseconds, never floats.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// An instant in UTC, in microseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(value_type = String, format = DateTime, examples("2026-11-20T09:30:00.000000Z")))]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Microseconds since the Unix epoch.
    pub fn micros(self) -> i64 {
        self.0
    }

    /// This instant and `span` later; saturates at the end of time.
    #[must_use]
    pub fn after(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.micros()))
    }

    /// How long ago `earlier` was; zero if it lies in the future.
    pub fn since(self, earlier: Self) -> Span {
        Span(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0) / 1_000)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(at) => write!(f, "{at:.6}"),
            Err(_) => write!(f, "{}us", self.0),
        }
    }
}

/// A text that is no RFC 3339 instant.
#[derive(Debug, thiserror::Error)]
#[error("'{text}' is no time: write it like 2026-11-20T09:30:00Z")]
pub struct NoTimestamp {
    text: String,
    #[source]
    source: jiff::Error,
}

impl FromStr for Timestamp {
    type Err = NoTimestamp;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse::<jiff::Timestamp>()
            .map(|at| Self(at.as_microsecond()))
            .map_err(|source| NoTimestamp {
                text: text.to_owned(),
                source,
            })
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// A length of time in milliseconds, written like `90s`, `10m` or `1h30m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(value_type = String, examples("10m")))]
pub struct Span(pub u64);

const UNITS: [(&str, u64); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

impl Span {
    /// The longest span that the platform accepts: 366 days.
    pub const MAX: Self = Self(366 * 86_400_000);

    /// `seconds` as a span.
    pub const fn secs(seconds: u64) -> Self {
        Self(seconds * 1_000)
    }

    /// `minutes` as a span.
    pub const fn mins(minutes: u64) -> Self {
        Self::secs(minutes * 60)
    }

    /// `hours` as a span.
    pub const fn hours(hours: u64) -> Self {
        Self::mins(hours * 60)
    }

    /// Microseconds, saturating.
    pub fn micros(self) -> i64 {
        i64::try_from(self.0.saturating_mul(1_000)).unwrap_or(i64::MAX)
    }

    /// The same span for the standard library.
    pub fn std(self) -> std::time::Duration {
        std::time::Duration::from_millis(self.0)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        let mut rest = self.0;
        for (unit, size) in UNITS {
            if rest >= size {
                write!(f, "{}{unit}", rest / size)?;
                rest %= size;
            }
        }
        Ok(())
    }
}

/// A text that is no span.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("'{0}' is no length of time: write it like 90s, 10m or 1h30m, at most 366d")]
pub struct NoSpan(String);

impl FromStr for Span {
    type Err = NoSpan;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse_span(text.trim())
            .filter(|span| *span <= Self::MAX)
            .ok_or_else(|| NoSpan(text.to_owned()))
    }
}

fn parse_span(text: &str) -> Option<Span> {
    if text.is_empty() {
        return None;
    }
    let (mut rest, mut total) = (text, 0u64);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let count: u64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let letters = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        let (_, size) = UNITS.iter().find(|(unit, _)| *unit == &rest[..letters])?;
        total = total.checked_add(count.checked_mul(*size)?)?;
        rest = &rest[letters..];
    }
    Some(Span(total))
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn spans_read_as_people_write_them() {
        assert_eq!("1h30m".parse(), Ok(Span::mins(90)));
        assert_eq!("250ms".parse(), Ok(Span(250)));
        for wrong in ["", "s", "10", "10x", "-5s", "1.5h", "400d", "99999999999999999999s"] {
            assert_eq!(wrong.parse::<Span>(), Err(NoSpan(wrong.to_owned())));
        }
    }

    #[test]
    fn a_time_keeps_its_microseconds() {
        let at: Timestamp = "2026-11-20T09:30:00.000001Z".parse().unwrap();
        assert_eq!(at.to_string(), "2026-11-20T09:30:00.000001Z");
        assert!("yesterday".parse::<Timestamp>().is_err());
    }

    proptest! {
        #[test]
        fn a_span_survives_print_and_parse(ms in 0..=Span::MAX.0) {
            prop_assert_eq!(Span(ms).to_string().parse(), Ok(Span(ms)));
        }
    }
}
