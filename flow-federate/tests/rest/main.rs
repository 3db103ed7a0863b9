//! The party's own REST, over real agents with real jobs, and a real server.
#![allow(clippy::unwrap_used, reason = "a test ends there")]

mod away;
mod journal;
mod legacy;
mod listen;
mod system;
