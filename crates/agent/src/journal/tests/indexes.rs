//! Every statement of the journal, explained by the database at ten thousand assignments of each of two parties: none reads a table
//! from end to end, and none sorts more than a page.

use std::sync::{Arc, Mutex};

use flow_domain::{AssignmentState, Desired, Timestamp};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, QueryResult, Statement, TransactionTrait};

use super::{
    home::Home,
    samples::{id_of, mk_party, mk_run, mk_spec, mk_status, mk_task},
};
use crate::journal::{
    After, Filter,
    entry::Standing,
    note::{Draft, News, Note, Seen},
    sql::Sql,
};

on_both!(no_statement_reads_everything);

const ROWS: u32 = 10_000;

/// A statement may look at this many rows by its plan.
const FEW: u64 = 1_500;

async fn no_statement_reads_everything(home: Home) {
    let keep = usize::try_from(ROWS).unwrap();
    let mut sql = Sql::open(&home.url(), &mk_party("a"), keep).await.unwrap();
    let beside = home.connect().await;
    fill(&beside).await;
    let seen = Arc::new(Mutex::new(Vec::<Statement>::new()));
    let noted = seen.clone();
    sql.see_statements(move |info| noted.lock().unwrap().push(info.statement.clone()));
    everything(&sql).await;
    let mut statements = std::mem::take(&mut *seen.lock().unwrap());
    statements.sort_by(|one, other| one.sql.cmp(&other.sql));
    statements.dedup_by(|one, other| one.sql == other.sql);
    assert!(statements.len() >= 20, "{statements:#?}");
    let mut faults = Vec::new();
    for statement in &statements {
        if !statement.sql.starts_with("INSERT") {
            faults.extend(faults_of(&beside, statement).await);
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

/// Rows as the journal itself writes them, only faster.
async fn fill(db: &DatabaseConnection) {
    let spec = mk_spec(1, 1);
    let mut draft = Draft::default();
    let news = News::Wanted {
        generation: 1,
        desired: Desired::Run,
        spec: spec.clone(),
    };
    for news in [
        news,
        News::Seen(Box::new(Seen::of(&mk_status(AssignmentState::Succeeded)))),
    ] {
        draft.take(&Note {
            id: id_of(&spec),
            at: Timestamp(1),
            news,
        });
    }
    let body = serde_json::to_string(&draft.entry)
        .unwrap()
        .replace('\\', "\\\\")
        .replace('\'', "''");
    let tx = db.begin().await.unwrap();
    for party in ["a", "z"] {
        for part in 0..ROWS / 100 {
            let (mut rows, mut events) = (Vec::new(), Vec::new());
            for number in part * 100..part * 100 + 100 {
                // Some run, some have files, most are nothing but a row.
                let standing = match number {
                    0..20 => 0,
                    20..120 => 1,
                    _ => 2,
                };
                let state = ["Succeeded", "Failed", "Running", "Stopped"][number as usize % 4];
                let (run, task) = (mk_run(u128::from(number)), mk_task(u128::from(number % 100)));
                rows.push(format!(
                    "('{party}', '{number:032x}', '{run}', '{task}', '{state}', {standing}, {number}, {number}, 2, '{body}')"
                ));
                events.extend((1..=2).map(|sequence| format!("('{party}', '{number:032x}', {sequence}, '{{}}')")));
            }
            let rows = rows.join(",");
            tx.execute_unprepared(&format!(
                "INSERT INTO journal_assignment (party, id, run_id, task_id, state, standing, given_at, cleared_at, events, body) VALUES {rows}"
            ))
            .await
            .unwrap();
            let events = events.join(",");
            let into = "INSERT INTO journal_event (party, assignment_id, sequence, body) VALUES";
            tx.execute_unprepared(&format!("{into} {events}")).await.unwrap();
        }
    }
    tx.execute_unprepared(&format!("UPDATE journal_party SET assignments = {ROWS}"))
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let analyze = match db.get_database_backend() {
        DbBackend::Sqlite => "ANALYZE",
        _ => "ANALYZE TABLE journal_assignment, journal_event, journal_party PERSISTENT FOR ALL",
    };
    db.execute_unprepared(analyze).await.unwrap();
}

/// Every statement at least once.
async fn everything(sql: &Sql) {
    let spec = mk_spec(50_000, 7);
    let id = id_of(&spec);
    let news = News::Wanted {
        generation: 1,
        desired: Desired::Run,
        spec,
    };
    let at = Timestamp(i64::from(ROWS));
    // A new one, for which the oldest is forgotten.
    sql.write(&[Note { id, at, news }]).await.unwrap();
    let news = News::Cleared;
    sql.write(&[Note { id, at, news }]).await.unwrap();
    sql.touch().await.unwrap();
    sql.is_written("nothing").await.unwrap();
    sql.assignment(id).await.unwrap();
    sql.spec(id).await.unwrap();
    sql.events(id, 0, 100).await.unwrap();
    for standing in [Standing::Live, Standing::Kept] {
        sql.standing(standing).await.unwrap();
    }
    let after = After {
        given_at: Timestamp(i64::from(ROWS / 2)),
        id,
    };
    for run in [None, Some(mk_run(3))] {
        for task in [None, Some(mk_task(3))] {
            for state in [None, Some(AssignmentState::Failed)] {
                for after in [None, Some(after)] {
                    let filter = Filter {
                        run,
                        task,
                        state,
                        after,
                    };
                    let _ = sql.assignments(&filter, 50).await.unwrap();
                }
            }
        }
    }
}

/// What is wrong with the plan of a statement.
async fn faults_of(db: &DatabaseConnection, statement: &Statement) -> Vec<String> {
    let backend = db.get_database_backend();
    let mut explain = statement.clone();
    explain.sql = match backend {
        DbBackend::Sqlite => format!("EXPLAIN QUERY PLAN {}", statement.sql),
        _ => format!("EXPLAIN {}", statement.sql),
    };
    let rows = db.query_all_raw(explain).await.unwrap();
    let faults = rows.iter().filter_map(|row| match backend {
        DbBackend::Sqlite => of_sqlite(&row.try_get::<String>("", "detail").unwrap()),
        _ => of_mariadb(row),
    });
    faults.map(|fault| format!("{fault}: {statement}")).collect()
}

fn of_sqlite(step: &str) -> Option<String> {
    (step.starts_with("SCAN") || step.contains("TEMP B-TREE")).then(|| step.to_owned())
}

fn of_mariadb(row: &QueryResult) -> Option<String> {
    let text = |column: &str| row.try_get::<Option<String>>("", column).unwrap().unwrap_or_default();
    let rows: u64 = text("rows").parse().unwrap_or_default();
    let (table, kind, key, extra) = (text("table"), text("type"), text("key"), text("Extra"));
    let is_scan = kind == "ALL" || kind == "index";
    let is_sorted = extra.contains("filesort") || extra.contains("temporary");
    ((is_scan || is_sorted) && rows > FEW).then(|| format!("{table} {kind} {key} {rows} rows, {extra}"))
}
