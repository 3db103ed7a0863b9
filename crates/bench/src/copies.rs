//! Many rows out of few: what the server has stored of real runs, again and again under other ids, while nobody uses it.

use sea_orm::{ConnectionTrait, DatabaseConnection};

use crate::{
    Outcome,
    options::Kind,
    sql::{columns, copied, count, number},
};

/// How many rows one statement makes at most, in thousands.
const THOUSANDS: usize = 20;

/// When the first copy of an ended run was accepted, in milliseconds since 1970: before all that really were.
const FIRST: u64 = 1_700_000_000_000;

/// One in so many copies failed; the others succeeded.
const FAILED: usize = 7;

/// Copies runs of a database.
#[derive(Debug)]
pub(crate) struct Copies<'a> {
    db: &'a DatabaseConnection,
    kind: Kind,
    /// The columns of a run, as this build of the server has them.
    columns: Vec<String>,
    originals: usize,
}

impl<'a> Copies<'a> {
    /// Takes all runs that wait as originals (`waiting`), or all that do not.
    pub(crate) async fn of(db: &'a DatabaseConnection, kind: Kind, waiting: bool) -> Outcome<Self> {
        let standing = u8::from(waiting);
        db.execute_unprepared("CREATE TABLE bench_original (number BIGINT PRIMARY KEY, id CHAR(32) NOT NULL)")
            .await?;
        db.execute_unprepared(&format!(
            "INSERT INTO bench_original SELECT ROW_NUMBER() OVER (ORDER BY id) - 1, id FROM run WHERE queue = {standing}"
        ))
        .await?;
        Ok(Self {
            db,
            kind,
            columns: columns(db, "run").await?,
            originals: count(db, "bench_original").await?,
        })
    }

    /// Copies each original with its events, so many times. The copies came when their originals did.
    pub(crate) async fn each(&self, times: usize) -> Outcome {
        for copy in 1..=times {
            // Of an id of version 7 the time stays, and of what was drawn enough to be unique.
            let id = self.kind.text(&[
                "SUBSTR(r.id, 1, 12)",
                "'7'",
                &self.kind.hex("%03x", &copy.to_string()),
                "'8000'",
                "SUBSTR(r.id, 21, 12)",
            ]);
            let from = "FROM run r JOIN bench_original o ON o.id = r.id";
            let status = self.status(&id);
            let (columns, values) = self.run(&[("id", &id), ("status", &status)]);
            self.execute(&format!("INSERT INTO run ({columns}) SELECT {values} {from}"))
                .await?;
            self.execute(&format!(
                "INSERT INTO event (run_id, sequence, body) SELECT {id}, e.sequence, e.body {from} JOIN event e ON e.run_id = r.id"
            ))
            .await?;
        }
        Ok(())
    }

    /// Copies originals in turn, until there are so many runs; the copies are numbered in the order of their times.
    pub(crate) async fn up_to(&self, runs: usize) -> Outcome {
        let mut there = count(self.db, "run").await?;
        while there < runs {
            let thousands = (runs - there).div_ceil(1000).min(THOUSANDS);
            let rows = (runs - there).min(thousands * 1000);
            let number = format!("({there} + a.j * {thousands} + b.j)");
            let time = format!("({FIRST} + i)");
            let id = self.kind.text(&[
                &self.kind.hex("%012x", &time),
                "'70008000'",
                &self.kind.hex("%012x", "i"),
            ]);
            let is_failed = format!("i % {FAILED} = 0");
            let status = self.status(&id);
            let failed = format!("REPLACE({status}, '\"state\":\"Succeeded\"', '\"state\":\"Failed\"')");
            let state = format!("CASE WHEN {is_failed} THEN 'Failed' ELSE r.state END");
            let status = format!("CASE WHEN {is_failed} THEN {failed} ELSE {status} END");
            let micros = format!("{time} * 1000");
            let (columns, values) = self.run(&[
                ("id", &id),
                ("state", &state),
                ("status", &status),
                ("created_at", &micros),
            ]);
            self.execute(&format!(
                "INSERT INTO run ({columns}) \
                 WITH RECURSIVE n(j) AS (SELECT 0 UNION ALL SELECT j + 1 FROM n WHERE j < 999) SELECT {values} \
                 FROM (SELECT {number} AS i FROM n a, n b WHERE b.j < {thousands} AND a.j * {thousands} + b.j < {rows}) AS numbers \
                 JOIN bench_original o ON o.number = i % {} JOIN run r ON r.id = o.id",
                self.originals
            ))
            .await?;
            there = count(self.db, "run").await?;
        }
        Ok(())
    }

    /// An id among the copies of [`up_to`](Self::up_to), as the server writes it.
    pub(crate) fn id(number: u64) -> String {
        format!("{:012x}70008000{number:012x}", FIRST + number)
    }

    async fn execute(&self, sql: &str) -> Outcome {
        self.db.execute_unprepared(sql).await?;
        Ok(())
    }

    /// The columns of a run, and what a copy has there: what is given here, and everything else as it is.
    fn run(&self, changed: &[(&str, &str)]) -> (String, String) {
        copied(&self.columns, "r", changed)
    }

    /// The status of the run that is copied, with another id.
    fn status(&self, id: &str) -> String {
        self.kind.replace("r.status", "r.id", id)
    }
}

/// How many runs wait and do not know yet what for.
pub(crate) async fn unsaid(db: &DatabaseConnection) -> Outcome<usize> {
    count(db, "run WHERE queue = 1 AND said LIKE 'Submitted:%'").await
}

/// How many bytes the documents of a run take.
pub(crate) async fn size_of_run(db: &DatabaseConnection) -> Outcome<usize> {
    number(db, "SELECT MAX(LENGTH(spec) + LENGTH(status)) FROM run").await
}
