//! The database's own limit: transactions of one row that survive a power failure.

use std::time::{Duration, Instant};

use futures::future::try_join_all;
use sea_orm::{ConnectionTrait, DatabaseConnection};

use crate::{Outcome, database::Database};

/// As many connections as the server has by default.
const CONNECTIONS: u32 = 8;

/// A row of a modest size.
const INSERT: &str = "INSERT INTO bench_commit (body) VALUES ('a row that is as long as a short event of a run is, with its time, its state, its reason and some words for people')";

/// Writes single rows beside the server, into a table of its own in the same database.
#[derive(Debug)]
pub(crate) struct Durable {
    one: DatabaseConnection,
    many: DatabaseConnection,
}

/// How many such transactions a second the database does.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rate {
    /// Over one connection.
    pub(crate) one: f64,
    /// Over as many as the server has.
    pub(crate) many: f64,
}

impl Rate {
    /// The better of the two: SQLite has one writer at a time, and others only wait for it.
    pub(crate) fn best(self) -> f64 {
        self.one.max(self.many)
    }
}

impl Durable {
    /// Connects, and makes the table.
    pub(crate) async fn new(database: &Database) -> Outcome<Self> {
        let one = database.connect(1).await?;
        one.execute_unprepared("CREATE TABLE IF NOT EXISTS bench_commit (body VARCHAR(255))")
            .await?;
        Ok(Self {
            one,
            many: database.connect(CONNECTIONS).await?,
        })
    }

    /// How long one takes now.
    pub(crate) async fn commit(&self) -> Outcome<Duration> {
        let begun = Instant::now();
        self.one.execute_unprepared(INSERT).await?;
        Ok(begun.elapsed())
    }

    /// As many as can be done, each way for this long.
    pub(crate) async fn rate(&self, each: Duration) -> Outcome<Rate> {
        Ok(Rate {
            one: rate(&self.one, 1, each).await?,
            many: rate(&self.many, CONNECTIONS, each).await?,
        })
    }
}

async fn rate(db: &DatabaseConnection, writers: u32, each: Duration) -> Outcome<f64> {
    let begun = Instant::now();
    let done = try_join_all((0..writers).map(|_| async move {
        let mut done = 0u32;
        while begun.elapsed() < each {
            db.execute_unprepared(INSERT).await?;
            done += 1;
        }
        Ok::<_, sea_orm::DbErr>(done)
    }))
    .await?;
    Ok(f64::from(done.iter().sum::<u32>()) / begun.elapsed().as_secs_f64())
}
