//! `flow-server`: takes tasks over REST, keeps them in a database, and schedules each run over all its parties as one gang.

mod center;
pub mod cli;
mod clock;
pub mod config;
pub mod core;
pub mod engine;
mod grpc;
pub mod hub;
pub mod import;
mod planner;
mod replica;
pub mod rest;
#[cfg(feature = "sabotage")]
pub mod sabotage;
mod scheduler;
mod server;
pub mod service;
pub mod store;

pub use self::server::{Server, StartError};
