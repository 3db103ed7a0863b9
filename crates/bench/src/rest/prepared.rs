//! A server with both APIs, on a database with so many templates and tasks.

use std::{
    sync::atomic::AtomicUsize,
    time::{Duration, Instant},
};

use sea_orm::{ConnectionTrait, DatabaseConnection};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    copies,
    operations::{There, User, all_there, task_v1},
};
use crate::{
    Outcome,
    api::{Api, Legacy},
    database::{Databases, note},
    figures::seconds,
    options::{Kind, Options},
    sql::number,
    stage::{Stage, parties},
    swarm::{Jobs, Swarm},
    work::Framework,
};

/// How many tasks are really made and run; the others are copies of them.
const ORIGINALS: usize = 20;

/// How many pairs of parties they are of, in turn.
const PAIRS: usize = 2;

/// How many pages MariaDB has yet to write.
const DIRTY: &str = "SELECT CAST(variable_value AS SIGNED) FROM information_schema.global_status \
                     WHERE variable_name = 'INNODB_BUFFER_POOL_PAGES_DIRTY'";

/// So few are always there.
const FEW_PAGES: usize = 100;

/// How long it is waited for them, and how often they are looked at.
const SETTLED: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(100);

/// What is measured on.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) stage: Stage,
    pub(super) there: There,
    /// Agents of all parties; each takes part in one run, which does not end.
    pub(super) swarm: Swarm,
}

/// The first user of a server.
pub(super) fn user(stage: &Stage) -> Outcome<User> {
    let legacy = stage.server.legacy.ok_or("the server does not serve /api/v1")?;
    Ok(User {
        v1: Legacy::new(legacy)?,
        v2: Api::new(stage.server.rest)?,
    })
}

impl Prepared {
    /// Sets it up.
    pub(super) async fn new(databases: &Databases, kind: Kind, rows: usize, options: &Options) -> Outcome<Self> {
        let begun = Instant::now();
        let mut stage = Stage::of_both_apis(databases, kind, &format!("rest-{rows}"), options).await?;
        let names = parties(2 * PAIRS);
        let template = originals(&stage, &names).await?;
        stage.server.terminate().await?;
        let db = stage.database.connect(1).await?;
        let originals = copies::up_to(&db, kind, rows).await?;
        settle(&db, kind).await?;
        db.close().await?;
        stage.server.start_again().await?;
        let user = user(&stage)?;
        all_there(&user, rows).await?;
        note(&format!("{rows} tasks are there after {}", seconds(begun.elapsed())));
        let swarm = occupied(&stage, &names).await?;
        Ok(Self {
            there: There {
                template_v1: template,
                template_v2: Framework::Iflearner.template().to_owned(),
                parties: names[..2].to_vec(),
                copies: originals..rows,
                made: AtomicUsize::new(0),
                started: AtomicUsize::new(0),
            },
            stage,
            swarm,
        })
    }
}

/// Has everything written that the copies have left to be written later: it is not to be in what is measured.
async fn settle(db: &DatabaseConnection, kind: Kind) -> Outcome {
    match kind {
        Kind::Sqlite => {
            db.execute_unprepared("PRAGMA wal_checkpoint(TRUNCATE)").await?;
        }
        Kind::Mariadb => {
            let limit = number(db, "SELECT CAST(@@GLOBAL.innodb_max_dirty_pages_pct AS SIGNED)").await?;
            db.execute_unprepared("SET GLOBAL innodb_max_dirty_pages_pct = 0")
                .await?;
            let begun = Instant::now();
            // What remains is what the database writes of its own accord.
            while begun.elapsed() < SETTLED && number(db, DIRTY).await? > FEW_PAGES {
                tokio::time::sleep(LOOK).await;
            }
            db.execute_unprepared(&format!("SET GLOBAL innodb_max_dirty_pages_pct = {limit}"))
                .await?;
        }
    }
    tokio::task::spawn_blocking(nix::unistd::sync).await?;
    Ok(())
}

/// Real tasks, each with a run that has ended; answers the id of their template.
async fn originals(stage: &Stage, names: &[String]) -> Outcome<String> {
    #[derive(Deserialize)]
    struct Made {
        #[serde(alias = "template_id", alias = "task_id")]
        id: String,
    }
    let user = user(stage)?;
    let swarm = stage.swarm(names, Jobs::Instant, None).await?;
    let template = json!({
        "name": "a template of v1",
        "remark": "",
        "image_url": "registry.example/iflearner:1",
        "workdir": "/app/iflearner",
        "command": ["python", "train.py"],
        "hyper_parameter": ["lr=0.1"],
    });
    let template: Option<Made> = user.v1.post("/template", &template).await?;
    let template = template.ok_or("a template was made without an id")?.id;
    for number in 0..ORIGINALS {
        let pair = &names[2 * (number % PAIRS)..][..2];
        let body = task_v1(&format!("task-{number}"), &template, pair);
        let made: Option<Made> = user.v1.post("/task", &body).await?;
        let task = made.ok_or("a task was made without an id")?.id;
        // What v1 has no word for: the center has no agent here, so a party does what it would.
        let mut document: Value = stage.api.get(&format!("/tasks/{task}")).await?;
        document["spec"]["aggregator"] = json!(pair[0]);
        stage
            .api
            .put::<Value>(&format!("/tasks/{task}"), &document["spec"])
            .await?;
        let run = stage.api.start(&task).await?.id.to_string();
        let members = Framework::Iflearner.members(pair.len());
        swarm
            .watch()
            .until(&run, "to be over", |seen| seen.gone == members)
            .await?;
    }
    swarm.leave().await;
    match stage.api.count("Succeeded", ORIGINALS).await? {
        ORIGINALS => Ok(template),
        others => Err(format!("{others} of {ORIGINALS} runs succeeded").into()),
    }
}

/// Agents with one run each, so that all further ones wait.
async fn occupied(stage: &Stage, names: &[String]) -> Outcome<Swarm> {
    let swarm = stage.swarm(names, Jobs::Lasting, Some(1)).await?;
    for number in 0..PAIRS {
        let run = stage.api.start(&format!("task-{number}")).await?.id.to_string();
        let members = Framework::Iflearner.members(2);
        swarm
            .watch()
            .until(&run, "to run", |seen| seen.running == members)
            .await?;
    }
    Ok(swarm)
}
