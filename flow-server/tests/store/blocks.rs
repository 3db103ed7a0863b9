//! Blocks of lists: whatever is made, changed and deleted in whatever order, each block has what it says, and each page what belongs there.

use std::{collections::BTreeMap, fmt::Debug};

use flow_domain::{Template, TemplateId, task::Task};
use flow_server::store::{Store, Window};
use futures::{StreamExt, stream};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use sea_orm::DatabaseConnection;
use uuid::Uuid;

use crate::{
    databases::{Opened, column},
    samples::{mk_party_id, mk_task, mk_template},
};

on_both!(
    blocks_have_what_they_say,
    a_list_of_before_is_in_blocks,
    an_empty_block_goes
);

/// How many are under way at once.
const WRITERS: usize = 6;

/// Three blocks and more.
const TASKS: u32 = 2600;

/// The blocks that do not have what they say or do not begin where the one before ends, each with what it has.
async fn wrong(db: &DatabaseConnection) -> Vec<String> {
    let held = "(SELECT COUNT(*) FROM {table} WHERE {id} >= since AND {id} < below{of})";
    let of = |table: &str, id: &str, of: &str, lists: &str| {
        let there = held.replace("{table}", table).replace("{id}", id).replace("{of}", of);
        format!("SELECT list, since, below, held, {there} AS there FROM block WHERE {lists}")
    };
    let all = [
        of("task", "id", "", "list = 'task'"),
        of("template", "id", "", "list = 'template'"),
        of(
            "participant",
            "task_id",
            " AND CONCAT('task/', party) = list",
            "list LIKE 'task/%'",
        ),
    ];
    let all = all.join(" UNION ALL ");
    let before = "COALESCE(LAG(below) OVER (PARTITION BY list ORDER BY below), '')";
    let sql = format!(
        "SELECT CONCAT(list, ' from ', since, ' to ', below, ' says ', held, ' and has ', there) FROM \
         (SELECT list, since, below, held, there, {before} AS ends FROM ({all}) AS a) AS b \
         WHERE held <> there OR since <> ends OR held > 1000 OR held < 0"
    );
    column(db, db.get_database_backend(), &sql).await
}

async fn blocks(db: &DatabaseConnection, list: &str) -> Vec<String> {
    let sql = format!("SELECT CAST(held AS CHAR) FROM block WHERE list = '{list}' ORDER BY below");
    column(db, db.get_database_backend(), &sql).await
}

/// Carries out all, several at a time; what failed of them.
async fn failed<T, E: Debug>(writes: impl IntoIterator<Item = impl Future<Output = Result<T, E>>>) -> Vec<String> {
    let done: Vec<_> = stream::iter(writes).buffer_unordered(WRITERS).collect().await;
    let errors = done.into_iter().filter_map(Result::err);
    errors.map(|error| format!("{error:?}")).collect()
}

/// Templates with these ids, one after the other.
async fn templates(store: &Store, ids: impl IntoIterator<Item = u128>) -> Vec<Template> {
    let mut templates = Vec::new();
    for id in ids {
        let mut template = mk_template(&format!("template-{id}"));
        template.id = TemplateId(Uuid::from_u128(id));
        store.insert_template(&template, None).await.unwrap();
        templates.push(template);
    }
    templates
}

/// The pages of tasks, all and of each party, are those of the tasks that are there.
async fn assert_pages(store: &Store, there: &BTreeMap<Uuid, Task>, random: &mut SmallRng) {
    for party in [None, Some("a"), Some("b"), Some("c")] {
        let takes_part = |task: &&Task| match party {
            None => true,
            Some(party) => task.spec.participants.iter().any(|one| one.party.as_str() == party),
        };
        let ids: Vec<Uuid> = there.values().rev().filter(takes_part).map(|task| task.id.0).collect();
        let total = ids.len();
        let anywhere: Vec<usize> = (0..12).map(|_| random.random_range(0..=total)).collect();
        for skip in [0, 1, total.saturating_sub(3), total, total + 5]
            .into_iter()
            .chain(anywhere)
        {
            let window = Window {
                skip: u64::try_from(skip).unwrap(),
                limit: 7,
            };
            let party = party.map(mk_party_id);
            let page = store.task_page(party.as_ref(), window).await.unwrap();
            let found: Vec<Uuid> = page.items.iter().map(|task| task.id.0).collect();
            let expected: Vec<Uuid> = ids.iter().copied().skip(skip).take(7).collect();
            assert_eq!((found, page.total), (expected, total as u64), "{party:?} {skip}");
        }
    }
}

async fn blocks_have_what_they_say(db: Opened) {
    let seed = rand::random();
    let mut random = SmallRng::seed_from_u64(seed);
    let (store, beside) = (&db.store, db.home.connect().await);
    let template = mk_template("digits");
    store.insert_template(&template, None).await.unwrap();
    let tasks: Vec<Task> = (0..TASKS)
        .map(|number| {
            let mut task = mk_task(&format!("task {number}"), &template);
            // Most are the newest when they are made, as clocks have it; others come from anywhere.
            let high = match random.random_ratio(1, 3) {
                true => random.random_range(0..u128::from(TASKS)),
                false => u128::from(number),
            };
            task.id.0 = Uuid::from_u128(high << 64 | u128::from(number));
            task.spec.participants.truncate(random.random_range(1..=2));
            task
        })
        .collect();
    let inserts = tasks.iter().map(|task| store.insert_task(task, None));
    assert_eq!(failed(inserts).await, [""; 0], "seed {seed}");
    let mut there: BTreeMap<Uuid, Task> = tasks.into_iter().map(|task| (task.id.0, task)).collect();
    assert_eq!(wrong(&beside).await, [""; 0], "seed {seed}");
    assert!(blocks(&beside, "task").await.len() > 2, "seed {seed}");
    assert_pages(store, &there, &mut random).await;

    // What is there is changed and deleted, and all at once.
    let (mut changed, mut gone) = (Vec::new(), Vec::new());
    for (number, task) in there.values().enumerate() {
        // All of what are old blocks by then, and some of the others.
        match random.random_range(0..6) {
            _ if number < 600 => gone.push(task.clone()),
            0 => gone.push(task.clone()),
            1 | 2 => {
                let mut task = task.clone();
                task.revision += 1;
                task.spec.participants[0].party = mk_party_id("c");
                changed.push(task);
            }
            _ => {}
        }
    }
    let updates = failed(changed.iter().map(|task| store.update_task(task)));
    let deletes = failed(gone.iter().map(|task| store.delete_task(task)));
    let failed = tokio::join!(updates, deletes);
    assert_eq!(failed, (vec![], vec![]), "seed {seed}");
    there.extend(changed.into_iter().map(|task| (task.id.0, task)));
    there.retain(|id, _| !gone.iter().any(|task| task.id.0 == *id));
    assert_eq!(wrong(&beside).await, [""; 0], "seed {seed}");
    assert_pages(store, &there, &mut random).await;
}

async fn an_empty_block_goes(db: Opened) {
    let (store, beside) = (&db.store, db.home.connect().await);
    let made = templates(store, 1..=1502).await;
    assert_eq!(blocks(&beside, "template").await, ["501", "501", "500"]);
    for of in [501..=1001, 0..=500] {
        let deletes = made[of].iter().map(|template| store.delete_template(template));
        assert_eq!(failed(deletes).await, [""; 0]);
        assert_eq!(wrong(&beside).await, [""; 0]);
    }
    assert_eq!(blocks(&beside, "template").await, ["500"]);
    let oldest = store.template_page(Window { skip: 499, limit: 9 }).await.unwrap();
    let ids: Vec<_> = oldest.items.iter().map(|template| template.id).collect();
    assert_eq!((ids, oldest.total), (vec![made[1002].id], 500));
    // What is older than all that is left belongs to what is left.
    templates(store, [7]).await;
    assert_eq!(
        (blocks(&beside, "template").await, wrong(&beside).await),
        (vec!["501".to_owned()], vec![])
    );
}

async fn a_list_of_before_is_in_blocks(db: Opened) {
    templates(&db.store, 1..=1300).await;
    let template = mk_template("digits");
    db.store.insert_template(&template, None).await.unwrap();
    db.store
        .insert_task(&mk_task("nightly", &template), None)
        .await
        .unwrap();
    // As a database was when there were only totals.
    for statement in [
        "DROP TABLE block",
        "CREATE TABLE tally (name VARCHAR(80) PRIMARY KEY, total BIGINT NOT NULL)",
        "DELETE FROM seaql_migrations WHERE version = 'm20261121_000005_blocks'",
    ] {
        db.execute(statement).await;
    }
    let store = Store::open(&db.url, 2).await.unwrap();
    let beside = db.home.connect().await;
    assert_eq!(wrong(&beside).await, [""; 0]);
    assert_eq!(blocks(&beside, "template").await, ["500", "500", "301"]);
    for list in ["task", "task/a", "task/b"] {
        assert_eq!(blocks(&beside, list).await, ["1"], "{list}");
    }
    let page = store.template_page(Window { skip: 1299, limit: 5 }).await.unwrap();
    assert_eq!((page.items.len(), page.total), (2, 1301));
}
