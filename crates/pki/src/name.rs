//! The two kinds of name that an identity is made of.

use std::fmt;
use std::str::FromStr;

use crate::NameError;

/// The trust domain that certificates belong to unless told otherwise.
pub const DEFAULT_TRUST_DOMAIN: &str = "iflearner-flow";

/// A party's name: one lower-case DNS label, `[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?`.
///
/// It is a label because it becomes part of host names and of Kubernetes object names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartyName(String);

impl PartyName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The authority part of a SPIFFE id: dot-separated lower-case DNS labels, at most 253 bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TrustDomain(String);

impl TrustDomain {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for TrustDomain {
    fn default() -> Self {
        Self(DEFAULT_TRUST_DOMAIN.to_owned())
    }
}

impl FromStr for PartyName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        check_label(text).map_err(|why| NameError::new("party name", text, why))?;
        Ok(Self(text.to_owned()))
    }
}

impl FromStr for TrustDomain {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let check = || {
            if text.len() > 253 {
                return Err("it is longer than 253 bytes");
            }
            text.split('.').try_for_each(check_label)
        };
        check().map_err(|why| NameError::new("trust domain", text, why))?;
        Ok(Self(text.to_owned()))
    }
}

fn check_label(text: &str) -> Result<(), &'static str> {
    if text.is_empty() {
        return Err("it is empty");
    }
    if text.len() > 63 {
        return Err("it is longer than 63 bytes");
    }
    if text.starts_with('-') || text.ends_with('-') {
        return Err("it starts or ends with a hyphen");
    }
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if !text.bytes().all(allowed) {
        return Err("only lower-case letters, digits and hyphens are allowed");
    }
    Ok(())
}

macro_rules! as_text {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;

            fn try_from(text: String) -> Result<Self, NameError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }
    };
}

as_text!(PartyName);
as_text!(TrustDomain);
