//! The process launcher with real processes under the real supervisor.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test ends there")]

mod adoption;
mod ending;
mod logs;
mod retire;
mod site;
mod start;
mod stop;
