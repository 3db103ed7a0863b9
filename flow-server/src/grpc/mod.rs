//! The link: gRPC over mutual TLS, one stream for each agent.

mod attach;
mod desired;
mod incoming;
mod replica;
mod session;
mod tasks;

pub use self::incoming::Connection;
pub(crate) use self::{attach::Link, incoming::local, replica::Replica};
