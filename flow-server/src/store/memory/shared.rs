//! Several servers on one store in memory.

use flow_domain::PartyId;

use super::Memory;
use crate::store::{
    StoreError,
    shared::{Attached, Beat, Beaten, Noticed, ServerId},
};

impl Memory {
    /// Whether several servers may use it.
    pub(in crate::store) fn is_shared(&self) -> bool {
        false
    }

    pub(in crate::store) fn used_by(self, _server: ServerId) -> Self {
        self
    }

    pub(in crate::store) async fn beat(&self, _beat: &Beat) -> Result<Beaten, StoreError> {
        Ok(Beaten::default())
    }

    pub(in crate::store) async fn leave(&self, _server: ServerId) -> Result<(), StoreError> {
        Ok(())
    }

    pub(in crate::store) async fn attached(&self, _attached: &Attached) -> Result<(), StoreError> {
        Ok(())
    }

    pub(in crate::store) async fn heard(&self, _attached: &Attached) -> Result<bool, StoreError> {
        Ok(true)
    }

    pub(in crate::store) async fn presences(&self, _party: Option<&PartyId>) -> Result<Vec<Attached>, StoreError> {
        Ok(Vec::new())
    }

    pub(in crate::store) async fn notices(&self, _after: u64, _missing: &[u64]) -> Result<Vec<Noticed>, StoreError> {
        Ok(Vec::new())
    }

    pub(in crate::store) async fn newest_notice(&self) -> Result<u64, StoreError> {
        Ok(0)
    }

    pub(in crate::store) async fn forget_notices(&self, _up_to: u64) -> Result<(), StoreError> {
        Ok(())
    }
}
