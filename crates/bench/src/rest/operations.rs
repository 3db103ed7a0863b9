//! What is asked of the server, over both APIs.

use std::sync::atomic::{AtomicUsize, Ordering};

use rand::Rng;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Value, json};

use super::copies;
use crate::{
    Outcome,
    api::{Api, Legacy},
};

/// How many there are to a page where nobody says so.
pub(super) const PAGE_V1: usize = 10;
pub(super) const PAGE_V2: usize = 50;

/// Which API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    V1,
    V2,
}

/// What.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// A task that there is, of all of them.
    Get,
    /// The first page of tasks.
    Newest,
    /// A page of tasks anywhere.
    Anywhere,
    /// The first page of the tasks of a party, which is in every other.
    OfParty,
    /// The first page of templates.
    Templates,
    /// A new task.
    Create,
    /// A run of a task whose last one has ended. It waits for room at its parties.
    Start,
}

/// One kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Operation {
    pub(super) version: Version,
    pub(super) asked: Asked,
}

impl Operation {
    /// All, in the order in which they are measured: those first that leave the rows as they are.
    pub(super) fn all() -> Vec<Self> {
        let asked = [
            Asked::Get,
            Asked::Newest,
            Asked::Anywhere,
            Asked::OfParty,
            Asked::Templates,
            Asked::Create,
            Asked::Start,
        ];
        let both = asked
            .into_iter()
            .flat_map(|asked| [Version::V1, Version::V2].map(|version| Self { version, asked }));
        both.filter(|one| (one.version, one.asked) != (Version::V2, Asked::OfParty))
            .collect()
    }

    /// Its name in tables.
    pub(super) fn name(self) -> String {
        let version = match self.version {
            Version::V1 => "v1",
            Version::V2 => "v2",
        };
        let asked = match self.asked {
            Asked::Get => "get",
            Asked::Newest => "list, the newest",
            Asked::Anywhere => "list, anywhere",
            Asked::OfParty => "list, of a party",
            Asked::Templates => "list of templates",
            Asked::Create => "create",
            Asked::Start => "start",
        };
        format!("{version} {asked}")
    }

    /// Whether it reads a page.
    pub(super) fn is_list(self) -> bool {
        !matches!(self.asked, Asked::Get | Asked::Create | Asked::Start)
    }
}

/// Somebody with connections of their own.
#[derive(Debug, Clone)]
pub(super) struct User {
    pub(super) v1: Legacy,
    pub(super) v2: Api,
}

/// What there is to ask for.
#[derive(Debug)]
pub(super) struct There {
    /// A template of tasks, as either API names it.
    pub(super) template_v1: String,
    pub(super) template_v2: String,
    /// Who takes part in new tasks.
    pub(super) parties: Vec<String>,
    /// The numbers of the tasks that are copies.
    pub(super) copies: std::ops::Range<usize>,
    /// What was made or started so far.
    pub(super) made: AtomicUsize,
    pub(super) started: AtomicUsize,
}

impl There {
    /// The id of any task that is a copy.
    pub(super) fn any(&self) -> Outcome<String> {
        copies::task(rand::rng().random_range(self.copies.clone()))
    }

    /// The id of a task that is a copy, each in its turn. Those that were started last come last.
    pub(super) fn next(&self) -> Outcome<String> {
        let number = self.started.fetch_add(1, Ordering::Relaxed) % self.copies.len();
        copies::task(self.copies.start + number)
    }

    /// A name that nobody has.
    pub(super) fn name(&self) -> String {
        format!("made-{}", self.made.fetch_add(1, Ordering::Relaxed))
    }

    /// Where a page of `size` begins that is neither the first nor among the last, so that it is full.
    pub(super) fn offset(&self, size: usize) -> usize {
        let pages = self.copies.end / size;
        rand::rng().random_range(1..pages - 1) * size
    }
}

impl Operation {
    /// Asks once. Everything but a success is an error.
    pub(super) async fn ask(self, user: &User, there: &There) -> Outcome {
        match self.version {
            Version::V1 => self.ask_v1(&user.v1, there).await,
            Version::V2 => self.ask_v2(&user.v2, there).await,
        }
    }

    async fn ask_v1(self, api: &Legacy, there: &There) -> Outcome {
        let get = async |path: String| api.get::<IgnoredAny>(&path).await.map(drop);
        match self.asked {
            Asked::Get => get(format!("/task/{}", there.any()?)).await,
            Asked::Newest => get("/task".to_owned()).await,
            Asked::Anywhere => get(format!("/task?page={}", 1 + there.offset(PAGE_V1) / PAGE_V1)).await,
            Asked::OfParty => get(format!("/task?federated_id={}", there.parties[0])).await,
            Asked::Templates => get("/template".to_owned()).await,
            Asked::Create => {
                let body = task_v1(&there.name(), &there.template_v1, &there.parties);
                api.post::<IgnoredAny>("/task", &body).await.map(drop)
            }
            Asked::Start => {
                let path = format!("/task/{}/start", there.next()?);
                api.post::<IgnoredAny>(&path, &json!({})).await.map(drop)
            }
        }
    }

    async fn ask_v2(self, api: &Api, there: &There) -> Outcome {
        let get = async |path: String| api.get::<IgnoredAny>(&path).await.map(drop);
        match self.asked {
            Asked::Get => get(format!("/tasks/{}", there.any()?)).await,
            Asked::Newest | Asked::OfParty => get("/tasks".to_owned()).await,
            Asked::Anywhere => {
                // The page after a task that is older than so many others; the copies are the oldest.
                let number = there.copies.end - there.offset(PAGE_V2);
                get(format!("/tasks?cursor={}", copies::task(number)?)).await
            }
            Asked::Templates => get("/templates".to_owned()).await,
            Asked::Create => {
                let body = task_v2(&there.name(), &there.template_v2, &there.parties);
                api.post::<IgnoredAny>("/tasks", &body).await.map(drop)
            }
            Asked::Start => {
                let path = format!("/tasks/{}/runs", there.next()?);
                api.post::<IgnoredAny>(&path, &json!({})).await.map(drop)
            }
        }
    }
}

/// The document of a task in `/api/v1`.
pub(super) fn task_v1(name: &str, template: &str, parties: &[String]) -> Value {
    let data = parties
        .iter()
        .map(|party| json!({ "federated_id": party, "federated_data": null }));
    json!({ "name": name, "template_id": template, "remark": "", "federate_data": data.collect::<Value>() })
}

fn task_v2(name: &str, template: &str, parties: &[String]) -> Value {
    let participants = parties.iter().map(|party| json!({ "party": party }));
    json!({
        "name": name,
        "template": template,
        "participants": participants.collect::<Value>(),
        "aggregator": parties.first(),
    })
}

/// Fails if lists do not say that there are so many rows, or a page is not full.
pub(super) async fn all_there(user: &User, rows: usize) -> Outcome {
    #[derive(Deserialize)]
    struct Tasks {
        tasks: Vec<IgnoredAny>,
        task_count: usize,
    }
    #[derive(Deserialize)]
    struct Templates {
        templates: Vec<IgnoredAny>,
        template_count: usize,
    }
    let tasks: Option<Tasks> = user.v1.get(&format!("/task?page={}", rows / PAGE_V1)).await?;
    let templates: Option<Templates> = user.v1.get("/template").await?;
    let tasks = tasks.map(|page| (page.tasks.len(), page.task_count));
    let templates = templates.map(|page| (page.templates.len(), page.template_count));
    let wanted = Some((PAGE_V1, rows));
    if (tasks, templates) != (wanted, wanted) {
        return Err(format!("{rows} are there, and the pages have {tasks:?} and {templates:?}").into());
    }
    Ok(())
}
