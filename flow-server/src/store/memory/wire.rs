//! What lies between a server and the store in memory.

use async_trait::async_trait;
use sea_orm::{DbErr, RuntimeErr};

use crate::store::StoreError;

/// A call on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    /// The store's method.
    pub name: &'static str,
    /// Whether it may change anything.
    pub writes: bool,
}

/// What lies between: it may take its time, break, or never come back.
#[async_trait]
pub trait Wire: Send + Sync {
    /// Waited for before anything is done. Where it fails, nothing is.
    ///
    /// # Errors
    /// What the caller is told; [`away`] says that the database does not answer.
    async fn before(&self, call: Call) -> Result<(), StoreError>;

    /// Waited for after all is done. Where it fails, the caller does not learn what it came to.
    ///
    /// # Errors
    /// What the caller is told; [`away`] says that the database does not answer.
    async fn after(&self, call: Call) -> Result<(), StoreError>;
}

/// Nothing in between.
#[derive(Debug, Clone, Copy)]
pub struct Direct;

#[async_trait]
impl Wire for Direct {
    async fn before(&self, _call: Call) -> Result<(), StoreError> {
        Ok(())
    }

    async fn after(&self, _call: Call) -> Result<(), StoreError> {
        Ok(())
    }
}

/// The error of a database that does not answer.
#[must_use]
pub fn away(what: &str) -> StoreError {
    StoreError::Database(DbErr::Conn(RuntimeErr::Internal(what.to_owned())))
}
