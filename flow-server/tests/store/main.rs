//! The store, every part of it, on SQLite and on a real MariaDB.
//!
//! `cargo xtask test` gives the tests a server; see `flow_mariadb::shared` for what they do without.

#![allow(clippy::unwrap_used, reason = "a test ends where its database cannot go on")]

/// Makes each of these a test on both databases; they take an empty store of their own.
macro_rules! on_both {
    ($($test:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test] async fn $test() { super::$test($crate::databases::Opened::sqlite().await).await; })*
        }
        mod mariadb {
            $(#[tokio::test] async fn $test() { super::$test($crate::databases::Opened::mariadb().await).await; })*
        }
    };
}

/// Makes each of these a test on both databases and on the store in memory.
macro_rules! on_all {
    ($($test:ident),* $(,)?) => {
        on_both!($($test),*);
        mod memory {
            $(#[tokio::test] async fn $test() { super::$test($crate::databases::Opened::memory()).await; })*
        }
    };
}

mod away;
mod blocks;
mod changes;
mod commits;
mod conflicts;
mod databases;
mod documents;
mod filled;
mod idempotency;
mod import;
mod indexes;
mod looks;
mod migrations;
mod pages;
mod parties;
mod proxy;
mod queue;
mod rest;
mod runs;
mod samples;
mod several;
mod shared;
mod text;
mod unreadable;

/// Asks until it is so; fails after a while, saying what it waited for.
async fn within(what: &str, is_so: impl AsyncFn() -> bool) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while !is_so().await {
        assert!(std::time::Instant::now() < deadline, "waited a minute until {what}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}
