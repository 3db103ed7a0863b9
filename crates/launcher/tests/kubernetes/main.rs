//! Jobs as resources of a real API server, which `cargo xtask test` brings up. No operator makes pods of them here.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test ends there")]

mod names;
mod site;
