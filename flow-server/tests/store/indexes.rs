//! Every statement that the store makes, explained by the database at 100,000 runs: none reads a table from end to end,
//! and none sorts more than a page.

use std::sync::{Arc, Mutex};

use flow_domain::{Run, RunState, Span, TemplateId, Timestamp};
use flow_server::store::{RunFilter, Store, Window};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};
use uuid::Uuid;

use crate::{
    databases::{Opened, column},
    filled::{RUNS, fill},
    samples::{NOW, mk_claim, mk_event, mk_party, mk_party_id, mk_run_of, mk_task, mk_template, planned},
};

/// A statement may look at this many rows by its plan: some pages, and what the planner has to do at once.
const FEW: u64 = 6000;

on_both!(no_statement_reads_or_sorts_a_whole_table);

async fn no_statement_reads_or_sorts_a_whole_table(mut db: Opened) {
    let beside = db.home.connect().await;
    fill(&beside).await;
    blocks(&beside, &db.url).await;
    if beside.get_database_backend() == DbBackend::MySql {
        // What it does by itself some seconds after so many changes.
        let tables =
            "ANALYZE TABLE template, task, run, assignment, event, party, idempotency, block, participant, alias";
        beside.execute_unprepared(tables).await.unwrap();
    }
    let statements: Arc<Mutex<Vec<Statement>>> = Arc::default();
    let seen = Arc::clone(&statements);
    db.store
        .see_statements(move |info| seen.lock().unwrap().push(info.statement.clone()));
    everything(&db.store).await;
    let statements = std::mem::take(&mut *statements.lock().unwrap());
    let tables = [
        "template",
        "task",
        "run",
        "assignment",
        "event",
        "party",
        "idempotency",
        "block",
        "participant",
        "alias",
    ];
    for table in tables {
        assert!(
            statements.iter().any(|statement| statement.sql.contains(table)),
            "nothing was asked of {table}"
        );
    }
    // One block was cut, another taken away.
    let lists =
        "SELECT CAST(COUNT(*) AS CHAR) FROM block WHERE list IN ('task', 'template') GROUP BY list ORDER BY list";
    assert_eq!(column(&beside, beside.get_database_backend(), lists).await, ["3", "1"]);
    // That a plan which does is found out.
    for bad in [
        "SELECT id FROM run WHERE created_at = 7",
        "SELECT id FROM run WHERE task_id > '0' ORDER BY version LIMIT 5",
    ] {
        let bad = Statement::from_string(beside.get_database_backend(), bad);
        assert_ne!(faults(&beside, &bad).await, [""; 0]);
    }
    let mut wrong = Vec::new();
    for statement in statements {
        if !statement.sql.starts_with("INSERT") {
            wrong.extend(faults(&beside, &statement).await);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Makes the blocks of what is there, as the migration does in a database of the time before there were any. The next task is to be one
/// too many for its block, and the oldest template the only one.
async fn blocks(db: &DatabaseConnection, url: &str) {
    let change = async |sql: &str| db.execute_unprepared(sql).await.unwrap().rows_affected();
    change("DELETE FROM block").await;
    change("DELETE FROM seaql_migrations WHERE version = 'm20261121_000005_blocks'").await;
    Store::open(url, 1).await.unwrap().close().await.unwrap();
    let full = "UPDATE block SET held = 1000 WHERE list = 'task' AND below = '~'";
    let none = "UPDATE block SET held = 0 WHERE list = 'template' AND since = ''";
    assert_eq!((change(full).await, change(none).await), (1, 1));
}

/// Makes every call once at least. Rows of the filling cannot be read as what they should be, which is of no interest here.
async fn everything(store: &Store) {
    let template = mk_template("digits");
    let mut task = mk_task("nightly", &template);
    store
        .insert_template(&template, Some(&mk_claim("template", "x")))
        .await
        .unwrap();
    store.insert_task(&task, None).await.unwrap();
    store.task(task.id).await.unwrap().unwrap();
    store.task_named("nightly").await.unwrap().unwrap();
    let _ = store.tasks(None, None, 50).await;
    let _ = store.tasks(None, Some(task.id), 50).await;
    let _ = store.templates(None, None, 50).await;
    let _ = store.templates(Some("digits"), Some(template.id), 50).await;
    task.revision += 1;
    store.update_task(&task).await.unwrap();
    store.party_seen(&mk_party("a")).await.unwrap();
    store.party(&mk_party_id("a")).await.unwrap().unwrap();
    store.party_left(&mk_party_id("a"), NOW).await.unwrap();
    let _ = store.parties(None, 50).await;
    let _ = store.parties(Some(&mk_party_id("p1")), 50).await;
    let run = mk_run_of(&task, &template);
    store
        .insert_run(&run, &mk_event("accepted"), Some(&mk_claim("run", "x")))
        .await
        .unwrap();
    store
        .insert_run(&run, &mk_event("accepted"), Some(&mk_claim("run", "x")))
        .await
        .unwrap();
    let change = |loaded: &flow_server::store::Loaded| Ok(Some((planned(&loaded.gang), Some(NOW))));
    store
        .change_gang::<flow_server::store::StoreError>(run.id, change)
        .await
        .unwrap();
    store.gang(run.id).await.unwrap().unwrap();
    store.events(run.id, 0, 100).await.unwrap();
    store.gangs_at(&mk_party_id("a")).await.unwrap();
    store.delete_template(&template).await.unwrap_err();
    store.delete_task(&task).await.unwrap_err();
    // Of all keys some hundred are too old, as an hour's worth is: of most of them the database would rather read all.
    let old = Timestamp(Span::hours(24).micros() + 500);
    store.forget_old_keys(old).await.unwrap();
    store.due_runs(Timestamp(i64::from(RUNS / 2)), 256).await.unwrap();
    store.due_runs(Timestamp(i64::MAX), u64::from(u32::MAX)).await.unwrap();
    store.queue().await.unwrap();
    store.taking_runs().await.unwrap();
    store.live_runs_at(&[mk_party_id("a"), mk_party_id("b")]).await.unwrap();
    store.newest_gangs(&[task.id]).await.unwrap();
    store.note_alias("task", "old", "new").await.unwrap();
    store.alias("task", "old").await.unwrap();
    // It is older than all others, and then its block is empty.
    let mut oldest = mk_template("oldest");
    oldest.id = TemplateId(Uuid::nil());
    store.insert_template(&oldest, None).await.unwrap();
    store.delete_template(&oldest).await.unwrap();
    let window = Window { skip: 0, limit: 10 };
    let _ = store.template_page(window).await;
    let _ = store.task_page(None, window).await;
    let _ = store.task_page(Some(&mk_party_id("a")), window).await;
    lists(store, &run).await;
}

async fn lists(store: &Store, run: &Run) {
    let over = vec![RunState::Succeeded, RunState::Failed, RunState::Cancelled];
    for task in [None, Some(run.task)] {
        for after in [None, Some(run.id)] {
            for states in [
                vec![],
                vec![RunState::Succeeded],
                vec![RunState::Running],
                over.clone(),
                RunState::ALL.to_vec(),
            ] {
                let _ = store.runs(&RunFilter { task, states, after }, 50).await;
            }
        }
    }
}

/// What is wrong with the plan of a statement.
async fn faults(db: &DatabaseConnection, statement: &Statement) -> Vec<String> {
    let backend = db.get_database_backend();
    let mut explain = statement.clone();
    explain.sql = match backend {
        DbBackend::Sqlite => format!("EXPLAIN QUERY PLAN {}", statement.sql),
        // MySQL has other formats, and one of them by default.
        _ => format!("EXPLAIN FORMAT=TRADITIONAL {}", statement.sql),
    };
    let rows = db.query_all_raw(explain).await.unwrap();
    assert!(!rows.is_empty(), "{}", statement.sql);
    let mut faults = Vec::new();
    for row in rows {
        let fault = match backend {
            DbBackend::Sqlite => of_sqlite(&row.try_get::<String>("", "detail").unwrap(), &statement.sql),
            _ => of_mariadb(&row),
        };
        faults.extend(fault.map(|fault| format!("{fault}: {statement}")));
    }
    faults
}

/// `SCAN table`, unless it is an index in the order of a page, which ends when the page is full. It sorts only what is
/// pages already: those of several states.
fn of_sqlite(step: &str, sql: &str) -> Option<String> {
    let is_page = sql.contains("LIMIT") && !sql.contains("WHERE") && step.contains("USING INDEX");
    let is_inner = ["SCAN state_", "SCAN page", "SCAN newest"]
        .iter()
        .any(|inner| step.contains(inner));
    let scans = step.starts_with("SCAN") && !is_page && !is_inner;
    let sorts = step.contains("TEMP B-TREE") && !sql.contains("UNION ALL");
    (scans || sorts).then(|| step.to_owned())
}

fn of_mariadb(row: &sea_orm::QueryResult) -> Option<String> {
    let text = |column: &str| row.try_get::<Option<String>>("", column).unwrap().unwrap_or_default();
    // A number at MySQL, a text at MariaDB; nothing where no row is to be read.
    let number = row.try_get::<Option<u64>>("", "rows").ok().flatten();
    let rows = number.unwrap_or_else(|| text("rows").parse().unwrap_or_default());
    let (table, kind, key, extra) = (text("table"), text("type"), text("key"), text("Extra"));
    let is_scan = kind == "ALL" || kind == "index";
    let is_sorted = extra.contains("filesort") || extra.contains("temporary");
    ((is_scan || is_sorted) && rows > FEW).then(|| format!("{table} {kind} {key} {rows} rows, {extra}"))
}
