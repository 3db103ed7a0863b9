//! Databases with as many rows as a busy year leaves.

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend};

/// How many runs; each has an assignment and an event, and the request for it had a key.
pub(crate) const RUNS: u32 = 100_000;

/// Of that many one is not over.
const LIVE: u32 = 50;

const TASKS: u32 = 1000;
const PARTIES: u32 = 2000;

/// How the two write what they differ in: a number as 32 hexadecimal digits.
fn hex(backend: DbBackend, number: &str) -> String {
    match backend {
        DbBackend::Sqlite => format!("printf('%032x', {number})"),
        _ => format!("LPAD(LOWER(HEX({number})), 32, '0')"),
    }
}

/// The same with a letter before it.
fn name(backend: DbBackend, letter: char, number: &str) -> String {
    match backend {
        DbBackend::Sqlite => format!("'{letter}' || ({number})"),
        _ => format!("CONCAT('{letter}', {number})"),
    }
}

/// Fills all tables. Documents are empty, as only what is looked for by counts.
pub(crate) async fn fill(db: &DatabaseConnection) {
    let backend = db.get_database_backend();
    let is_live = format!("i % {LIVE} = 0");
    let task = hex(backend, &format!("i % {TASKS}"));
    let party = name(backend, 'p', &format!("i % {PARTIES}"));
    let id = hex(backend, "i");
    let other = name(backend, 'k', "i");
    let state = format!(
        "CASE WHEN {is_live} THEN CASE i % 3 WHEN 0 THEN 'Queued' WHEN 1 THEN 'Running' ELSE 'Starting' END \
         WHEN i % 7 = 0 THEN 'Failed' ELSE 'Succeeded' END"
    );
    let tables = [
        (
            TASKS,
            "template (id, name, revision, spec, created_at, modified_at)",
            format!("{id}, {other}, 1, '{{}}', i, i"),
        ),
        (
            TASKS,
            "task (id, name, revision, spec, template_id, created_at, modified_at)",
            format!("{id}, {other}, 1, '{{}}', {id}, i, i"),
        ),
        (
            PARTIES,
            "party (id, registered_at, last_seen, body)",
            format!("{}, i, i, '{{}}'", name(backend, 'p', "i")),
        ),
        (
            RUNS,
            "run (id, task_id, state, spec, status, version, changes, events, wake_at, queue, said, needs, priority, arrived_at, created_at)",
            format!(
                "{id}, {task}, {state}, '{{}}', '{{}}', 1, '', 1, CASE WHEN {is_live} THEN i END, \
                 CASE WHEN {is_live} THEN CASE i % 3 WHEN 0 THEN 1 ELSE 2 END ELSE 0 END, '', '{{}}', 0, i, i"
            ),
        ),
        (
            RUNS,
            "assignment (id, run_id, party, live, place, body)",
            format!("{id}, {id}, {party}, {is_live}, 0, '{{}}'"),
        ),
        (RUNS, "event (run_id, sequence, body)", format!("{id}, 1, '{{}}'")),
        (
            RUNS,
            "idempotency (id, fingerprint, resource, created_at)",
            format!("{other}, 'x', {id}, i"),
        ),
    ];
    for (count, table, values) in tables {
        let thousand = "WITH RECURSIVE n(j) AS (SELECT 0 UNION ALL SELECT j + 1 FROM n WHERE j < 999)";
        let rows = count / 1000;
        let numbers = format!("SELECT a.j * {rows} + b.j + 1 AS i FROM n a, n b WHERE b.j < {rows}");
        let insert = format!("INSERT INTO {table} {thousand} SELECT {values} FROM ({numbers}) AS numbers");
        db.execute_unprepared(&insert).await.unwrap();
    }
}
