//! Tasks in `/api/v1`.

use std::collections::BTreeSet;

use flow_api::legacy::{FederateData, FederateView, FederatesView, LegacyTime, RetCode, TaskView, TasksView};
use flow_domain::{
    ErrorCode, PartyId, TaskSpec, Template,
    gang::Gang,
    party::Parties,
    run::StartOptions,
    task::{Participant, Task},
    validate,
};

use super::{
    Denied, PageNumber, TRIES,
    document::{TaskBody, Written, text},
    names, status,
    templates::{name, shown_id},
};
use crate::{
    service::{Refusal, Services},
    store::StoreError,
};

/// What a task's body comes to; of one that is imported `id` is its former id.
pub(crate) fn spec(body: &TaskBody, template: &Template, id: Option<String>) -> Result<TaskSpec, Denied> {
    let blank = TaskSpec {
        name: name(&body.name, RetCode::TaskNameEmpty)?,
        template: String::new(),
        participants: Vec::new(),
        min_parties: None,
        select: None,
        aggregator: None,
        hyperparameters: Default::default(),
        switches: Vec::new(),
        policies: Default::default(),
        remark: String::new(),
        annotations: Default::default(),
    };
    over(blank, body, template, id)
}

/// A task's body over what there was: what this API knows nothing of stays.
fn over(before: TaskSpec, body: &TaskBody, template: &Template, id: Option<String>) -> Result<TaskSpec, Denied> {
    let mut spec = TaskSpec {
        name: name(&body.name, RetCode::TaskNameEmpty)?,
        template: template.id.to_string(),
        participants: participants(&body.federate_data)?,
        remark: body.remark.clone().unwrap_or_default(),
        ..before
    };
    let written = Written {
        id,
        remark: body.remark.clone(),
        template: Some((template.id, shown_id(template))),
        federate_data: Some(body.federate_data.clone()),
        ..Written::default()
    };
    written.keep(&mut spec.annotations);
    Ok(spec)
}

fn participants(data: &[FederateData]) -> Result<Vec<Participant>, Denied> {
    let each = data.iter().enumerate().map(|(index, one)| {
        let party = one.federated_id.parse();
        let party = party.map_err(|error| Denied::invalid(format!("federate_data[{index}].federated_id: {error}")))?;
        let dataset = one.federated_data.clone().filter(|data| !data.is_empty());
        Ok(Participant { party, dataset })
    });
    each.collect()
}

/// A task as clients see it; `gang` is its newest run.
pub(super) fn view(task: &Task, gang: Option<&Gang>, parties: &Parties) -> TaskView {
    let spec = &task.spec;
    let written = Written::read(&spec.annotations);
    let written = written.as_ref();
    let template = written.and_then(|written| written.template.as_ref());
    let template = template
        .filter(|(id, _)| *id == task.template)
        .map(|(_, shown)| shown.clone());
    let template = template.or_else(|| task.template.short());
    let data = written.and_then(|written| written.federate_data.clone());
    let data = data.filter(|data| participants(data).is_ok_and(|said| said == spec.participants));
    let now = || {
        let each = spec.participants.iter().map(|one| FederateData {
            federated_id: one.party.to_string(),
            federated_data: one.dataset.clone(),
        });
        each.collect()
    };
    TaskView {
        task_id: names::id(task, written),
        template_id: template.unwrap_or_else(|| task.template.to_string()),
        name: spec.name.to_string(),
        remark: text(written, |written| written.remark.clone(), &spec.remark),
        status: gang.map(|gang| status::of(gang, parties)),
        federate_data: data.unwrap_or_else(now),
        party_status: gang.and_then(status::parties),
        create_time: LegacyTime(task.created_at),
        modify_time: LegacyTime(task.modified_at),
    }
}

/// What the services say about a task.
fn denied(refusal: Refusal) -> Denied {
    Denied::of(refusal, RetCode::TaskNotFound, RetCode::TaskNameTaken)
}

impl Services {
    /// The template of a task's body.
    async fn legacy_template_of(&self, body: &TaskBody) -> Result<Template, Denied> {
        // A name that is missing is said before a template that is.
        name(&body.name, RetCode::TaskNameEmpty)?;
        self.legacy_template(&body.template_id).await
    }

    /// Checks a task against its template. Its parties may come later: that is looked at when it is started.
    fn check_legacy_task(&self, template: &Template, spec: &TaskSpec) -> Result<(), Denied> {
        let resolved = validate::resolve(&template.spec, spec, &StartOptions::default(), &self.deadlines);
        resolved
            .map(drop)
            .map_err(|violations| Denied::invalid(violations.to_string()))
    }

    /// Makes a task; answers its id.
    ///
    /// # Errors
    /// If it is not right, its template is unknown, or its name is taken.
    pub async fn legacy_create_task(&self, body: &TaskBody) -> Result<String, Denied> {
        let template = self.legacy_template_of(body).await?;
        let spec = spec(body, &template, None)?;
        self.check_legacy_task(&template, &spec)?;
        let task = self.make_task(&template, spec, None).await.map_err(denied)?;
        Ok(task.id.to_string())
    }

    /// Shows a task.
    ///
    /// # Errors
    /// If there is none of that id.
    pub async fn legacy_show_task(&self, id: &str) -> Result<TaskView, Denied> {
        let task = self.legacy_task(id).await?;
        let gangs = self.store.newest_gangs(&[task.id]).await?;
        Ok(view(&task, gangs.first(), &self.hub.parties()))
    }

    /// A page of tasks, newest first: all, or those of a party.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn legacy_tasks(&self, party: Option<&str>, page: PageNumber) -> Result<TasksView, Denied> {
        let party = match party.map(str::parse::<PartyId>) {
            None => None,
            Some(Ok(party)) => Some(party),
            // Nobody can be named so, and nobody is.
            Some(Err(_)) => {
                return Ok(TasksView {
                    tasks: Vec::new(),
                    task_count: 0,
                });
            }
        };
        let found = self.store.task_page(party.as_ref(), page.window()).await?;
        let ids: Vec<_> = found.items.iter().map(|task| task.id).collect();
        let gangs = self.store.newest_gangs(&ids).await?;
        let parties = self.hub.parties();
        let of = |task: &Task| gangs.iter().find(|gang| gang.run.task == task.id);
        Ok(TasksView {
            tasks: found.items.iter().map(|task| view(task, of(task), &parties)).collect(),
            task_count: found.total,
        })
    }

    /// Changes a task. A run that is under way goes on as it was started.
    ///
    /// # Errors
    /// If there is none of that id, it is not right, its template is unknown, or its name is taken.
    pub async fn legacy_change_task(&self, id: &str, body: &TaskBody) -> Result<(), Denied> {
        let mut tries = 0;
        loop {
            let task = self.legacy_task(id).await?;
            let former = Written::read(&task.spec.annotations).and_then(|written| written.id);
            let template = self.legacy_template_of(body).await?;
            let spec = over(task.spec.clone(), body, &template, former)?;
            self.check_legacy_task(&template, &spec)?;
            match self.put_task(task, &template, spec).await {
                Err(refusal) if refusal.code == ErrorCode::Stale && tries < TRIES => tries += 1,
                done => return done.map(drop).map_err(denied),
            }
        }
    }

    /// Deletes a task that is not under way.
    ///
    /// # Errors
    /// If there is none of that id, or it is under way.
    pub async fn legacy_delete_task(&self, id: &str) -> Result<(), Denied> {
        let task = self.legacy_task(id).await?;
        match self.store.delete_task(&task).await {
            Ok(()) => Ok(()),
            Err(StoreError::InUse(_)) => Err(Denied::plain(RetCode::StatusConflict)),
            Err(error) => Err(denied(error.into())),
        }
    }

    /// A page of parties by name. The center is none: it has no data.
    pub fn legacy_federates(&self, page: PageNumber) -> FederatesView {
        let center = PartyId::center();
        let known: BTreeSet<PartyId> = self
            .hub
            .parties()
            .0
            .keys()
            .filter(|party| **party != center)
            .cloned()
            .collect();
        let window = page.window();
        let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let page = known.iter().skip(size(window.skip)).take(size(window.limit));
        let page = page.map(|party| FederateView {
            id: party.to_string(),
            name: party.to_string(),
        });
        FederatesView {
            federates: page.collect(),
            federate_count: known.len() as u64,
        }
    }
}
