//! `flow-federate`: a party's agent. It dials the server; nothing at the party listens but its own health page and REST.

pub mod cli;
pub mod config;
mod federate;
mod rest;

pub use self::{
    federate::{Federate, StartError},
    rest::openapi,
};
