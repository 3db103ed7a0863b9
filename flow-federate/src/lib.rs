//! `flow-federate`: a party's agent. It dials the server; nothing at the party listens but its own health page.

pub mod cli;
pub mod config;
mod federate;

pub use self::federate::{Federate, StartError};
