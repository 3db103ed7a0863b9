use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::LaunchError;

/// The longest key accepted, in bytes.
const MAX_LEN: usize = 80;

/// Names one assignment: 1 to 80 characters out of `a-z`, `0-9` and `-`.
///
/// It is opaque to this crate. Being so narrow, it can be a file name, a Kubernetes name or a
/// cgroup name without escaping.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Key(String);

impl Key {
    /// Checks `key` and wraps it; [`LaunchError::InvalidKey`] says what is wrong with it.
    pub fn new(key: impl Into<String>) -> Result<Self, LaunchError> {
        let key = key.into();
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if key.is_empty() || key.len() > MAX_LEN || !key.bytes().all(allowed) {
            let shown = key.chars().take(MAX_LEN).collect();
            return Err(LaunchError::InvalidKey { key: shown });
        }
        Ok(Self(key))
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Key {
    type Err = LaunchError;

    fn from_str(key: &str) -> Result<Self, LaunchError> {
        Self::new(key)
    }
}

impl TryFrom<String> for Key {
    type Error = LaunchError;

    fn try_from(key: String) -> Result<Self, LaunchError> {
        Self::new(key)
    }
}

impl From<Key> for String {
    fn from(key: Key) -> Self {
        key.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_only_narrow_names() {
        for good in ["a", "run-1-attempt-2-server", "0", &"x".repeat(80)] {
            assert_eq!(Key::new(good).unwrap().as_str(), good);
        }
        for bad in ["", "A", "a/b", "..", "a b", "ü", "a\n", &"x".repeat(81)] {
            assert!(Key::new(bad).is_err(), "{bad:?} was accepted");
        }
    }
}
