//! The agent: makes the world at one party equal to what the server wants there, and reports what it sees.
//!
//! The same code runs in `flow-federate` beside a party's data and inside `flow-server` for the center. It knows nothing that must
//! arrive exactly once: it is given the whole desired set when it attaches, and reports everything it has.

mod agent;
mod assets;
mod board;
mod clock;
pub mod config;
mod error;
mod exit;
mod follow;
mod home;
pub mod journal;
mod launcher;
mod leftovers;
pub mod link;
mod logs;
mod plan;
mod policy;
mod probe;
mod worker;

pub use self::{
    agent::Agent,
    config::AgentConfig,
    error::AgentError,
    home::Holding,
    journal::{Journal, JournalConfig, JournalError},
    launcher::launcher,
};
