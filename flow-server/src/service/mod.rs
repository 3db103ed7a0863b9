//! What users may do, whatever surface they come through: REST v2 today, the legacy surface the same way.

pub mod legacy;
mod names;
mod runs;
mod tasks;
mod templates;

use flow_daemon::ambient::Chance;
use flow_domain::{
    Deadlines, ErrorCode,
    gang::Undecidable,
    validate::{Violation, Violations},
};

pub use self::runs::{LogSelection, MemberLog};
use crate::{
    engine::{Engine, EngineError},
    hub::Hub,
    replica::Peers,
    store::{Store, StoreError},
};

/// Everything that the surfaces need.
#[derive(Debug, Clone)]
pub struct Services {
    /// The database.
    pub store: Store,
    /// The attached agents.
    pub hub: std::sync::Arc<Hub>,
    /// Where changes of runs go through.
    pub engine: std::sync::Arc<Engine>,
    /// The other servers on the same database.
    pub peers: Peers,
    /// Ids for what is made.
    pub chance: Chance,
    /// How long each phase of a run may take where neither task nor template say so.
    pub deadlines: Deadlines,
}

/// A request that was not fulfilled.
#[derive(Debug)]
pub struct Refusal {
    /// What kind.
    pub code: ErrorCode,
    /// What happened, and what to do next.
    pub detail: String,
    /// Every field that broke a rule.
    pub violations: Vec<Violation>,
}

impl Refusal {
    /// A refusal of that kind.
    pub fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            violations: Vec::new(),
        }
    }

    /// There is no such thing.
    pub fn not_found(kind: &str, name: &str) -> Self {
        let name: String = name.chars().take(80).collect();
        Self::new(ErrorCode::NotFound, format!("there is no {kind} '{name}'"))
    }
}

impl From<Violations> for Refusal {
    fn from(violations: Violations) -> Self {
        Self {
            code: ErrorCode::Invalid,
            detail: violations.to_string(),
            violations: violations.0,
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        let code = match &error {
            StoreError::NameTaken(_) | StoreError::InUse(_) | StoreError::KeyReused => ErrorCode::Conflict,
            StoreError::Stale => ErrorCode::Stale,
            StoreError::TakenOver(_) => ErrorCode::Unavailable,
            StoreError::Unreadable { .. } => ErrorCode::Internal,
            StoreError::Database(_) if error.is_away() => ErrorCode::Unavailable,
            StoreError::Database(_) => ErrorCode::Internal,
        };
        if matches!(code, ErrorCode::Internal | ErrorCode::Unavailable) {
            tracing::error!(error = %flow_daemon::error::chain(&error), "the store failed");
        }
        Self::new(code, error.to_string())
    }
}

impl From<EngineError> for Refusal {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Store(error) => error.into(),
            EngineError::Undecidable(Undecidable::Illegal(error)) => EngineError::Plan(error).into(),
            EngineError::Over { .. } | EngineError::Undecidable(_) => Self::new(ErrorCode::Conflict, error.to_string()),
            EngineError::Plan(_) => {
                tracing::error!(error = %flow_daemon::error::chain(&error), "the engine failed");
                Self::new(ErrorCode::Internal, "the server could not plan this run: see its log")
            }
        }
    }
}

/// Refuses if the caller expects another revision.
fn expect(expected: Option<u32>, found: u32) -> Result<(), Refusal> {
    match expected {
        Some(expected) if expected != found => Err(Refusal::new(
            ErrorCode::Stale,
            format!("you expect revision {expected} and it is at {found}: read it again"),
        )),
        _ => Ok(()),
    }
}
