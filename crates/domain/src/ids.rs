//! Typed identifiers. One cannot be taken for another, and each refuses what it could not name.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

/// A text that cannot be the id or name it was given as.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is no {kind}: {rule}")]
pub struct InvalidId {
    kind: &'static str,
    text: String,
    rule: &'static str,
}

impl InvalidId {
    fn new(kind: &'static str, text: &str, rule: &'static str) -> Self {
        // The text comes from outside: what is echoed back stays short.
        let text = text.chars().take(80).collect();
        Self { kind, text, rule }
    }
}

macro_rules! text_serde {
    ($type:ty) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?
                    .parse()
                    .map_err(de::Error::custom)
            }
        }
    };
}

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
        #[cfg_attr(feature = "schema", schema(value_type = String, pattern = "^[0-9a-f]{32}$"))]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.simple().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::try_parse(text)
                    .map(Self)
                    .map_err(|_| InvalidId::new($kind, text, "write its 32 hexadecimal digits"))
            }
        }

        text_serde!($name);
    };
}

uuid_id!(
    /// Names a template.
    TemplateId, "template id"
);
uuid_id!(
    /// Names a task.
    TaskId, "task id"
);
uuid_id!(
    /// Names a run. It is unguessable, as host names of a run carry it.
    RunId, "run id"
);
uuid_id!(
    /// Names one role of one attempt at one agent.
    AssignmentId, "assignment id"
);

impl TemplateId {
    /// How many digits an id has where Iflearner Flow's clients see it.
    pub const SHORT: usize = 30;
    /// The digits of a version 7 id that say just that, by place. The second has two bits of chance besides.
    const FIXED: [(usize, char); 2] = [(12, '7'), (16, '8')];

    /// The id that this one of version 7 becomes for a template: without two of its bits of chance, it can be written short.
    #[must_use]
    pub fn new(id: Uuid) -> Self {
        let mut bytes = id.into_bytes();
        bytes[8] &= 0b1000_1111;
        Self(Uuid::from_bytes(bytes))
    }

    /// The id in 30 digits, if it is one of those that [`Self::new`] makes.
    pub fn short(&self) -> Option<String> {
        let mut text = self.to_string();
        for (at, digit) in Self::FIXED.into_iter().rev() {
            if text.remove(at) != digit {
                return None;
            }
        }
        Some(text)
    }

    /// The id that these 30 digits are short for.
    pub fn of_short(short: &str) -> Option<Self> {
        if short.len() != Self::SHORT || !short.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let mut text = short.to_ascii_lowercase();
        for (at, digit) in Self::FIXED {
            text.insert(at, digit);
        }
        text.parse().ok()
    }
}

impl AssignmentId {
    /// The id of a member in an attempt. Derived, not drawn: planning the same step twice makes the same assignment.
    pub fn derive(run: RunId, attempt: u32, role: &str, party: &PartyId, incarnation: u32) -> Self {
        let seed = format!("{attempt}/{role}/{party}/{incarnation}");
        Self(Uuid::new_v5(&run.0, seed.as_bytes()))
    }
}

/// Names a party: a DNS label, as host names and certificates carry it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(value_type = String, pattern = "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"))]
pub struct PartyId(String);

impl PartyId {
    /// The party of the agent that flow-server hosts itself.
    pub fn center() -> Self {
        Self("center".to_owned())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PartyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for PartyId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let label = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
        let bytes = text.as_bytes();
        let fits = (1..=63).contains(&bytes.len())
            && bytes.iter().all(|c| label(*c) || *c == b'-')
            && bytes.first().is_some_and(|c| label(*c))
            && bytes.last().is_some_and(|c| label(*c));
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidId::new(
                "party name",
                text,
                "use 1 to 63 of a-z, 0-9 and '-', with a letter or digit at both ends",
            ))
        }
    }
}

text_serde!(PartyId);

/// The name of a template or task: 3 to 50 characters, as Iflearner Flow's clients know it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(value_type = String, min_length = 3, max_length = 50))]
pub struct Name(String);

impl Name {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Name {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let length = text.chars().count();
        let clean = !text.chars().any(char::is_control) && text.trim() == text;
        if clean && (3..=50).contains(&length) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidId::new(
                "name",
                text,
                "use 3 to 50 characters, no control characters, no space at either end",
            ))
        }
    }
}

text_serde!(Name);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_party_name_is_a_dns_label() {
        for good in ["a", "party-b", "7", &"x".repeat(63)] {
            assert_eq!(good.parse::<PartyId>().unwrap().as_str(), good);
        }
        for bad in ["", "-a", "a-", "A", "a.b", "a_b", "ä", &"x".repeat(64)] {
            let said = bad.parse::<PartyId>().unwrap_err().to_string();
            assert!(said.contains("party name"), "{said}");
        }
    }

    #[test]
    fn a_template_id_can_be_written_short() {
        let id = TemplateId::new(Uuid::try_parse("018f4e5a7b2c7d3eb8f0a1b2c3d4e5f6").unwrap());
        let short = id.short().unwrap();
        assert_eq!(short, "018f4e5a7b2cd3e8f0a1b2c3d4e5f6");
        assert_eq!(TemplateId::of_short(&short), Some(id));
        assert_eq!(TemplateId(Uuid::nil()).short(), None);
        for none in [
            "",
            "018f",
            "018f4e5a7b2cd3e8f0a1b2c3d4e5fg",
            "018f4e5a7b2c7d3eb8f0a1b2c3d4e5f6",
        ] {
            assert_eq!(TemplateId::of_short(none), None, "{none}");
        }
    }

    #[test]
    fn an_assignment_id_is_derived_from_its_place() {
        let run: RunId = "018f4e5a7b2c7d3e8f90a1b2c3d4e5f6".parse().unwrap();
        let a: PartyId = "a".parse().unwrap();
        let id = |attempt, incarnation| AssignmentId::derive(run, attempt, "party", &a, incarnation);
        assert_eq!(id(1, 0), id(1, 0));
        assert_ne!(id(1, 0), id(2, 0));
        assert_ne!(id(1, 0), id(1, 1));
    }
}
