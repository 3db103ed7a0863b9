//! Many templates and tasks out of few, each task with its run that has ended, while no server is there.

use sea_orm::{ConnectionTrait, DatabaseConnection};

use crate::{
    Outcome,
    options::Kind,
    sql::{columns, copied, count},
};

/// How many rows one statement makes of tasks, at most.
const ROWS: usize = 20_000;

/// When the first copy was made, in milliseconds since 1970: before all that really were.
const FIRST: u64 = 1_700_000_000_000;

/// Copies until there are so many templates and tasks; answers how many originals there are, which is the number of the first copy.
pub(super) async fn up_to(db: &DatabaseConnection, kind: Kind, rows: usize) -> Outcome<usize> {
    let number = "ROW_NUMBER() OVER (ORDER BY t.id) - 1";
    for sql in [
        "CREATE TABLE bench_template (number BIGINT PRIMARY KEY, id CHAR(32) NOT NULL)".to_owned(),
        "CREATE TABLE bench_task (number BIGINT PRIMARY KEY, id CHAR(32) NOT NULL, run CHAR(32) NOT NULL)".to_owned(),
        format!("INSERT INTO bench_template SELECT {number}, t.id FROM template t"),
        format!("INSERT INTO bench_task SELECT {number}, t.id, r.id FROM task t JOIN run r ON r.task_id = t.id"),
    ] {
        db.execute_unprepared(&sql).await?;
    }
    let originals = count(db, "bench_task").await?;
    templates(db, kind, rows).await?;
    let mut there = originals;
    while there < rows {
        let until = rows.min(there + ROWS);
        tasks(db, kind, originals, there, until).await?;
        there = until;
    }
    // The server's next start makes the blocks of its lists anew, as of a database of the time before it had any.
    for sql in [
        "DELETE FROM block",
        "DELETE FROM seaql_migrations WHERE version = 'm20261121_000005_blocks'",
    ] {
        db.execute_unprepared(sql).await?;
    }
    Ok(originals)
}

/// The id of a task that is a copy, as the server writes it.
pub(super) fn task(number: usize) -> Outcome<String> {
    Ok(format!("{:012x}70008000{number:012x}", FIRST + u64::try_from(number)?))
}

/// SQL for the id of a copy: its time, a mark of what it is, its number.
fn id(kind: Kind, mark: &str) -> String {
    let time = kind.hex("%012x", &format!("({FIRST} + n.i)"));
    kind.text(&[&time, &format!("'{mark}'"), &kind.hex("%012x", "n.i")])
}

/// SQL for the numbers from `from` to below `until`.
fn numbers(from: usize, until: usize) -> String {
    format!(
        "WITH RECURSIVE k(j) AS (SELECT 0 UNION ALL SELECT j + 1 FROM k WHERE j < 999), \
         n(i) AS (SELECT {from} + a.j * 1000 + b.j FROM k a, k b WHERE a.j < {} AND {from} + a.j * 1000 + b.j < {until})",
        (until - from).div_ceil(1000)
    )
}

/// SQL for the document of a copy, which has the name of its row in it.
fn renamed(kind: Kind, document: &str, before: &str, after: &str) -> String {
    let name = |name: &str| kind.text(&["'\"name\":\"'", name, "'\"'"]);
    kind.replace(document, &name(before), &name(after))
}

async fn templates(db: &DatabaseConnection, kind: Kind, rows: usize) -> Outcome {
    let originals = count(db, "bench_template").await?;
    let (id, name, micros) = (
        id(kind, "70008000"),
        kind.text(&["'copy-'", "n.i"]),
        format!("({FIRST} + n.i) * 1000"),
    );
    let spec = renamed(kind, "t.spec", "t.name", &name);
    let changed = [
        ("id", id.as_str()),
        ("name", &name),
        ("spec", &spec),
        ("created_at", &micros),
        ("modified_at", &micros),
    ];
    let (columns, values) = copied(&columns(db, "template").await?, "t", &changed);
    let sql = format!(
        "INSERT INTO template ({columns}) {} SELECT {values} FROM n \
         JOIN bench_template o ON o.number = n.i % {originals} JOIN template t ON t.id = o.id",
        numbers(originals, rows)
    );
    db.execute_unprepared(&sql).await?;
    Ok(())
}

/// A table, the name of its rows, which of them are those of an original, and what is changed in a copy.
type Copied<'a> = (&'a str, &'a str, &'a str, &'a [(&'a str, &'a str)]);

/// Tasks with their participants, and of each a run with its assignments.
async fn tasks(db: &DatabaseConnection, kind: Kind, originals: usize, from: usize, until: usize) -> Outcome {
    let (task, run) = (id(kind, "70008000"), id(kind, "70018000"));
    let place = kind.hex("%03x", "a.place");
    let assignment = kind.text(&[
        &kind.hex("%012x", &format!("({FIRST} + n.i)")),
        "'70028'",
        &place,
        &kind.hex("%012x", "n.i"),
    ]);
    let name = kind.text(&["'copy-'", "n.i"]);
    let micros = format!("({FIRST} + n.i) * 1000");
    let spec = renamed(kind, "t.spec", "t.name", &name);
    let status = kind.replace("r.status", "r.id", &run);
    let status = kind.replace(&status, "r.task_id", &task);
    let body = kind.replace("a.body", "a.run_id", &run);
    let body = kind.replace(&body, "a.id", &assignment);
    let tables: [Copied<'_>; 4] = [
        (
            "task",
            "t",
            "t.id = o.id",
            &[
                ("id", &task),
                ("name", &name),
                ("spec", &spec),
                ("created_at", &micros),
                ("modified_at", &micros),
            ],
        ),
        ("participant", "p", "p.task_id = o.id", &[("task_id", &task)]),
        (
            "run",
            "r",
            "r.id = o.run",
            &[
                ("id", &run),
                ("task_id", &task),
                ("status", &status),
                ("created_at", &micros),
            ],
        ),
        (
            "assignment",
            "a",
            "a.run_id = o.run",
            &[("id", &assignment), ("run_id", &run), ("body", &body)],
        ),
    ];
    let numbers = numbers(from, until);
    for (table, of, on, changed) in tables {
        let (columns, values) = copied(&columns(db, table).await?, of, changed);
        let sql = format!(
            "INSERT INTO {table} ({columns}) {numbers} SELECT {values} FROM n \
             JOIN bench_task o ON o.number = n.i % {originals} JOIN {table} {of} ON {on}"
        );
        db.execute_unprepared(&sql).await?;
    }
    Ok(())
}
