//! What a member needs of its machine, in the notation of Kubernetes.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// What a member needs of its machine. What is not given is the party's own default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Resources {
    /// Processor time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<Cpu>,
    /// Memory; a member that takes more is killed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<Memory>,
    /// Graphics processors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu: Option<u32>,
}

impl Resources {
    /// Whether nothing is given.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What is given here, and else what `defaults` give.
    pub fn or(self, defaults: Self) -> Self {
        Self {
            cpu: self.cpu.or(defaults.cpu),
            memory: self.memory.or(defaults.memory),
            gpu: self.gpu.or(defaults.gpu),
        }
    }
}

/// A text that is no amount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is no amount of {what}: write {example}")]
pub struct InvalidAmount {
    what: &'static str,
    text: String,
    example: &'static str,
}

/// Processor time, in thousandths of a processor: `2`, `0.5` or `500m`; at most a million processors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(value_type = String, example = "500m"))]
#[serde(try_from = "String", into = "String")]
pub struct Cpu(pub u64);

/// Memory, in bytes: `512Mi`, `4Gi`, `2G` or plain bytes; at most an exbibyte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(value_type = String, example = "4Gi"))]
#[serde(try_from = "String", into = "String")]
pub struct Memory(pub u64);

const MAX_CPU: u64 = 1_000_000_000;
const MAX_MEMORY: u64 = 1 << 60;

/// The units of memory. Those of two letters come first, so that their second letter is not left over.
const UNITS: [(&str, u64); 10] = [
    ("Ti", 1 << 40),
    ("Gi", 1 << 30),
    ("Mi", 1 << 20),
    ("Ki", 1 << 10),
    ("T", 1_000_000_000_000),
    ("G", 1_000_000_000),
    ("M", 1_000_000),
    ("k", 1_000),
    ("K", 1_000),
    ("", 1),
];

impl FromStr for Cpu {
    type Err = InvalidAmount;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || InvalidAmount {
            what: "processor time",
            text: text.chars().take(40).collect(),
            example: "'2', '0.5' or '500m'",
        };
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let millis = if let Some(millis) = text.strip_suffix('m') {
            digits(millis).then(|| millis.parse::<u64>().ok()).flatten()
        } else {
            let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
            let fine = digits(whole) && digits(fraction) && fraction.len() <= 3;
            let number = |part: &str| part.parse::<u64>().ok();
            fine.then(|| {
                number(whole)?
                    .checked_mul(1000)?
                    .checked_add(number(&format!("{fraction:0<3}"))?)
            })
            .flatten()
        };
        millis
            .filter(|millis| (1..=MAX_CPU).contains(millis))
            .map(Self)
            .ok_or_else(wrong)
    }
}

impl FromStr for Memory {
    type Err = InvalidAmount;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || InvalidAmount {
            what: "memory",
            text: text.chars().take(40).collect(),
            example: "'512Mi', '4Gi' or '2G'",
        };
        let (number, unit) = UNITS
            .iter()
            .find_map(|(suffix, unit)| Some((text.strip_suffix(suffix)?, unit)))
            .ok_or_else(wrong)?;
        let plain = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        let bytes = plain.then(|| number.parse::<u64>().ok()?.checked_mul(*unit)).flatten();
        bytes
            .filter(|bytes| (1..=MAX_MEMORY).contains(bytes))
            .map(Self)
            .ok_or_else(wrong)
    }
}

impl fmt::Display for Cpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_multiple_of(1000) {
            write!(f, "{}", self.0 / 1000)
        } else {
            write!(f, "{}m", self.0)
        }
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = UNITS[..4].iter().find(|(_, unit)| self.0.is_multiple_of(*unit));
        match unit {
            Some((suffix, unit)) => write!(f, "{}{suffix}", self.0 / unit),
            None => write!(f, "{}", self.0),
        }
    }
}

macro_rules! as_text {
    ($type:ident) => {
        impl TryFrom<String> for $type {
            type Error = InvalidAmount;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from(amount: $type) -> Self {
                amount.to_string()
            }
        }
    };
}

as_text!(Cpu);
as_text!(Memory);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_notation_of_kubernetes_is_read() {
        for (text, millis) in [("2", 2000), ("0.5", 500), ("500m", 500), ("1.25", 1250), ("0.001", 1)] {
            assert_eq!(text.parse::<Cpu>().unwrap().0, millis, "{text}");
        }
        for (text, bytes) in [
            ("1", 1),
            ("512Mi", 512 << 20),
            ("4Gi", 4 << 30),
            ("2G", 2_000_000_000),
            ("1k", 1000),
        ] {
            assert_eq!(text.parse::<Memory>().unwrap().0, bytes, "{text}");
        }
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for text in [
            "",
            "0",
            "-1",
            "1.2345",
            "1e3",
            "m",
            ".5",
            "5.",
            "1 ",
            "99999999999999999999",
            "2Gi",
        ] {
            assert!(text.parse::<Cpu>().is_err(), "cpu {text:?}");
        }
        for text in [
            "",
            "0",
            "-1",
            "1.5Gi",
            "Gi",
            "1Xi",
            "1 Gi",
            "99999999999999999999",
            "2048Pi",
        ] {
            assert!(text.parse::<Memory>().is_err(), "memory {text:?}");
        }
    }

    proptest! {
        #[test]
        fn amounts_read_back(millis in 1..=MAX_CPU, bytes in 1..=MAX_MEMORY) {
            prop_assert_eq!(Cpu(millis).to_string().parse(), Ok(Cpu(millis)));
            prop_assert_eq!(Memory(bytes).to_string().parse(), Ok(Memory(bytes)));
        }
    }
}
