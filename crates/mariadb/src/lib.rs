//! A real MariaDB on one machine, for tests and benches. Linux only.
//!
//! [`Server::start`] makes a database server of one's own in a folder, with the durability of production;
//! [`Server::stop`] (or dropping it) ends it, and nothing runs on. It can be killed, paused and started again, as
//! tests of failures need it. Everything here blocks: call it off an async runtime's threads.
//!
//! [`shared`] is what tests that only need *some* database ask: `cargo xtask test` starts one server for all of them.

mod admin;
mod command;
mod error;
mod packages;
mod port;
mod programs;
mod server;
mod shared;
mod signals;

pub use self::{
    admin::Admin,
    error::MariaDbError,
    packages::install,
    programs::{Missing, missing},
    server::Server,
    shared::{ADMIN_URL, Shared, shared},
};
