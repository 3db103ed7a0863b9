//! Taking over a database of Iflearner Flow, with its tables as its own models make them.

use flow_domain::template::Scalar;
use flow_server::{
    import::{Counts, import},
    store::Window,
};
use sea_orm::{ConnectionTrait, DbBackend};

use crate::databases::{Home, Opened, column};

on_both!(
    what_is_right_is_taken_over_once_and_what_is_not_is_named,
    an_import_that_was_broken_off_is_gone_on_with,
    a_name_that_is_taken_here_is_left_to_who_has_it,
);

/// As SQLAlchemy makes them from Iflearner Flow's models.
const TABLES: [&str; 3] = [
    "CREATE TABLE t_template (id VARCHAR(32) NOT NULL, name VARCHAR(50) NOT NULL, image_url VARCHAR(255) NOT NULL, remark TEXT NOT NULL, \
     workdir VARCHAR(255) NOT NULL, command VARCHAR(255) NOT NULL, hyper_parameter TEXT, modify_time TIMESTAMP NULL DEFAULT now(), \
     create_time TIMESTAMP NULL DEFAULT now(), PRIMARY KEY (id), UNIQUE (name))",
    "CREATE TABLE t_task (id INTEGER NOT NULL AUTO_INCREMENT, task_id VARCHAR(32), template_id VARCHAR(32), name VARCHAR(100), \
     status VARCHAR(20), remark TEXT, modify_time TIMESTAMP NULL DEFAULT now(), create_time TIMESTAMP NULL DEFAULT now(), \
     PRIMARY KEY (id), UNIQUE (task_id), UNIQUE (name))",
    "CREATE TABLE t_task_party (id INTEGER NOT NULL AUTO_INCREMENT, task_id VARCHAR(32), party_name VARCHAR(100), volumes TEXT, \
     PRIMARY KEY (id), FOREIGN KEY(task_id) REFERENCES t_task (task_id))",
];

const OCR: &str = "ea0f10bfbaf64a74a061d54c94cc69";
const FIRST: &str = "bbc0c30e96bc4da29b2b326fb1f8786e";

async fn source() -> Home {
    let home = Home::server("CHARACTER SET utf8mb4").await;
    let db = home.connect().await;
    for table in TABLES {
        db.execute_unprepared(table).await.unwrap();
    }
    let template = |id: &str, name: &str, command: &str, hyper: &str| {
        format!(
            "INSERT INTO t_template VALUES ('{id}', '{name}', 'ocr:1', 'für alle', '/data/ocr', '{command}', {hyper}, \
             '2022-07-26 10:00:00', '2022-07-25 15:59:55')"
        )
    };
    let task = |id: &str, template: &str, name: &str| {
        format!(
            "INSERT INTO t_task (task_id, template_id, name, status, remark, modify_time, create_time) \
             VALUES ('{id}', '{template}', '{name}', 'Running', 'r', '2022-08-02 00:00:00', '2022-08-01 00:00:00')"
        )
    };
    let party = |task: &str, name: &str, data: &str| {
        format!("INSERT INTO t_task_party (task_id, party_name, volumes) VALUES ('{task}', '{name}', '{data}')")
    };
    let run = "[\"python\", \"run.py\"]";
    let rows = [
        "SET time_zone = '+00:00'".to_owned(),
        template(OCR, "ocr", run, "'[\"lr=0.10\"]'"),
        template("1111111111111111111111111111aa", "no command", "[]", "'null'"),
        template("1111111111111111111111111111bb", "ab", run, "NULL"),
        template("1111111111111111111111111111cc", "broken", "[\"python\"", "NULL"),
        template("1111111111111111111111111111dd", "loose", run, "'[\"fast\"]'"),
        task(FIRST, OCR, "first"),
        party(FIRST, "federate-1", "numbers"),
        party(FIRST, "federate-2", ""),
        task("00000000000000000000000000000001", "nowhere", "lost"),
        task("00000000000000000000000000000002", OCR, "nobody"),
        task("00000000000000000000000000000003", OCR, "strangely named"),
        party("00000000000000000000000000000003", "Federate 3", ""),
        task(
            "00000000000000000000000000000004",
            "1111111111111111111111111111aa",
            "nothing to run",
        ),
        party("00000000000000000000000000000004", "federate-1", ""),
    ];
    // One connection: the time zone is the session's.
    let batch = rows.join(";\n");
    let (admin, name) = home.admin();
    admin.execute(&format!("USE {name};\n{batch}")).unwrap();
    home
}

/// Everything that is in the source, as one text.
async fn state_of(source: &Home) -> Vec<String> {
    let db = source.connect().await;
    column(
        &db,
        DbBackend::MySql,
        "SELECT CONCAT_WS('|', id, name, command, modify_time) FROM t_template UNION ALL SELECT CONCAT_WS('|', id, task_id, name, status, modify_time) FROM t_task \
         UNION ALL SELECT CONCAT_WS('|', id, task_id, party_name, volumes) FROM t_task_party",
    )
    .await
}

fn problems(counts: &Counts) -> Vec<(&str, &str)> {
    let each = counts.skipped.iter();
    each.map(|one| (one.name.as_str(), one.problem.as_str())).collect()
}

async fn what_is_right_is_taken_over_once_and_what_is_not_is_named(db: Opened) {
    let source = source().await;
    let before = state_of(&source).await;
    let dry = import(&source.url(), &db.store, false).await.unwrap();
    assert_eq!(db.store.template_named("ocr").await.unwrap(), None, "only said");
    let done = import(&source.url(), &db.store, true).await.unwrap();
    assert_eq!(dry, done, "it does what it said");
    assert_eq!(
        (done.templates.read, done.templates.new, done.templates.known),
        (5, 2, 0)
    );
    assert_eq!((done.tasks.read, done.tasks.new, done.tasks.known), (5, 1, 0));
    let templates = problems(&done.templates);
    let tasks = problems(&done.tasks);
    for (found, name, words) in [
        (&templates, "ab", "3 to 50 characters"),
        (&templates, "broken", "command is no list of texts"),
        (&templates, "loose", "write name=value"),
        (&tasks, "lost", "its template nowhere is not here"),
        (&tasks, "nobody", "name at least one party"),
        (&tasks, "strangely named", "'Federate 3' is no party name"),
        (&tasks, "nothing to run", "needs a command"),
    ] {
        let problem = found.iter().find(|(of, _)| *of == name).map(|(_, problem)| *problem);
        assert!(
            problem.is_some_and(|problem| problem.contains(words)),
            "{name}: {problem:?}"
        );
    }

    let template = db.store.template_named("ocr").await.unwrap().unwrap();
    assert_eq!(template.created_at.to_string(), "2022-07-25T15:59:55.000000Z");
    assert_eq!(template.spec.hyperparameters["lr"], Scalar::Text("0.10".into()));
    assert_eq!(
        (template.spec.remark.as_str(), template.spec.command.len()),
        ("für alle", 2)
    );
    let task = db.store.task_named("first").await.unwrap().unwrap();
    assert_eq!((task.template, task.spec.participants.len()), (template.id, 2));
    assert_eq!(
        db.store.alias("template", OCR).await.unwrap(),
        Some(template.id.to_string())
    );
    assert_eq!(db.store.alias("task", FIRST).await.unwrap(), Some(task.id.to_string()));

    let again = import(&source.url(), &db.store, true).await.unwrap();
    assert_eq!((again.templates.new, again.templates.known), (0, 2));
    assert_eq!((again.tasks.new, again.tasks.known), (0, 1));
    assert_eq!(problems(&again.templates), templates);
    assert_eq!(problems(&again.tasks), tasks);
    assert_eq!(db.store.task_named("first").await.unwrap().unwrap(), task, "as it was");
    assert_eq!(state_of(&source).await, before, "the source is as it was");
    assert!(
        done.to_string()
            .contains("templates  5 read, 2 new, 0 imported before, 3 skipped"),
        "{done}"
    );
}

async fn an_import_that_was_broken_off_is_gone_on_with(db: Opened) {
    let source = source().await;
    import(&source.url(), &db.store, true).await.unwrap();
    // The power failed after the rows, before the note of their former ids.
    db.execute("DELETE FROM alias").await;
    let again = import(&source.url(), &db.store, true).await.unwrap();
    assert_eq!((again.templates.new, again.tasks.new), (2, 1));
    let window = Window { skip: 0, limit: 10 };
    assert_eq!(db.store.template_page(window).await.unwrap().total, 2, "no second one");
    assert_eq!(db.store.task_page(None, window).await.unwrap().items.len(), 1);
    assert!(db.store.alias("task", FIRST).await.unwrap().is_some());
}

async fn a_name_that_is_taken_here_is_left_to_who_has_it(db: Opened) {
    let mut own = crate::samples::mk_template("ocr");
    own.spec.remark = "mine".to_owned();
    db.store.insert_template(&own, None).await.unwrap();
    let source = source().await;
    let done = import(&source.url(), &db.store, true).await.unwrap();
    let templates = problems(&done.templates);
    assert!(
        templates
            .iter()
            .any(|(name, problem)| *name == "ocr" && problem.contains("has that name here"))
    );
    assert_eq!(done.tasks.new, 0, "its tasks would mean another template");
    assert_eq!(
        db.store.template_named("ocr").await.unwrap().unwrap().spec.remark,
        "mine"
    );
}

#[tokio::test]
async fn what_is_no_such_database_is_said() {
    let db = Opened::memory();
    let refused = import("sqlite:///tmp/x.db", &db.store, false).await.unwrap_err();
    assert!(refused.to_string().contains("cannot use the source"), "{refused}");
    let empty = Home::server("").await;
    let refused = import(&empty.url(), &db.store, false).await.unwrap_err();
    assert!(refused.to_string().contains("cannot read t_template"), "{refused}");
}
