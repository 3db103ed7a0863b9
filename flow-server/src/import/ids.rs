//! Ids of what is imported: the same at every import, and in the order of their times like all others.

use flow_domain::Timestamp;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// The id of a thing of that kind with that former id.
pub(super) fn derived(kind: &str, former: &str, made_at: Timestamp) -> Uuid {
    let digest = Sha256::digest(format!("{kind} {former}"));
    let mut chance = [0; 10];
    chance.copy_from_slice(&digest[..10]);
    let millis = u64::try_from(made_at.micros() / 1000).unwrap_or_default();
    uuid::Builder::from_unix_timestamp_millis(millis, &chance).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_the_same_again_and_in_order() {
        let id = |former: &str, second: i64| derived("task", former, Timestamp(second * 1_000_000));
        assert_eq!(id("a", 1), id("a", 1));
        assert_ne!(id("a", 1), id("b", 1));
        assert!(id("b", 1) < id("a", 2));
        assert_eq!(id("a", 1).get_version_num(), 7);
    }
}
