//! Idempotency keys in memory.

use std::collections::BTreeMap;

use flow_domain::Timestamp;

use super::{Claim, Created, Memory, StoreError};
use crate::store::kinds::KEPT;

#[derive(Debug, Clone)]
struct Key {
    fingerprint: String,
    resource: String,
    created_at: Timestamp,
}

/// The keys that clients have used, by their ids.
#[derive(Debug, Default)]
pub(super) struct Keys(BTreeMap<String, Key>);

impl Keys {
    /// The resource that has the key already.
    pub(super) fn before(&self, claim: Option<&Claim>) -> Result<Option<Created>, StoreError> {
        match claim.and_then(|claim| Some((claim, self.0.get(&claim.id)?))) {
            Some((claim, key)) if claim.fingerprint != key.fingerprint => Err(StoreError::KeyReused),
            Some((_, key)) => Ok(Some(Created::Before(key.resource.clone()))),
            None => Ok(None),
        }
    }

    /// Notes that the key stands for `resource`.
    pub(super) fn claim(&mut self, claim: Option<&Claim>, resource: &str, now: Timestamp) {
        if let Some(claim) = claim {
            let key = Key {
                fingerprint: claim.fingerprint.clone(),
                resource: resource.to_owned(),
                created_at: now,
            };
            self.0.insert(claim.id.clone(), key);
        }
    }
}

impl Memory {
    pub(in crate::store) async fn forget_old_keys(&self, now: Timestamp) -> Result<u64, StoreError> {
        self.write("forget_old_keys", |tables| {
            let (keys, oldest) = (&mut tables.keys.0, now.0 - KEPT.micros());
            let before = keys.len();
            keys.retain(|_, key| key.created_at.0 >= oldest);
            Ok((before - keys.len()) as u64)
        })
        .await
    }
}
