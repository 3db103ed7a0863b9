//! `flow-server`: takes tasks over REST, keeps them in a database, and schedules each run over all its parties as one gang.

mod clock;
pub mod engine;
pub mod error;
mod grpc;
pub mod hub;
mod planner;
pub mod store;
