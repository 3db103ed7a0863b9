//! Making, changing and deleting tasks.

use flow_domain::{
    ErrorCode, PartyId, TaskId, TaskSpec, Template, nearest,
    run::StartOptions,
    task::Task,
    validate::{self, Violation, Violations},
};

use super::{Refusal, Services, expect};
use crate::store::{Claim, Created};

/// How many parties are looked at for a "did you mean".
const HINTS: u64 = 500;

impl Services {
    /// Makes a task.
    ///
    /// # Errors
    /// If it breaks a rule, names an unknown template, party or data set, or its name is taken.
    pub async fn create_task(&self, spec: TaskSpec, claim: Option<&Claim>) -> Result<Task, Refusal> {
        let template = self.check_task(&spec).await?;
        self.make_task(&template, spec, claim).await
    }

    /// Makes a task that was checked.
    pub(super) async fn make_task(
        &self,
        template: &Template,
        spec: TaskSpec,
        claim: Option<&Claim>,
    ) -> Result<Task, Refusal> {
        let now = self.engine.now();
        let task = Task {
            id: TaskId(self.chance.id_at(now.0)),
            template: template.id,
            spec,
            revision: 1,
            created_at: now,
            modified_at: now,
        };
        match self.store.insert_task(&task, claim).await? {
            Created::New => {
                tracing::info!(task = %task.id, name = %task.spec.name, "task made");
                Ok(task)
            }
            Created::Before(id) => self.task(&id).await,
        }
    }

    /// Changes a task: a new revision. Runs of earlier ones go on as they were started.
    ///
    /// # Errors
    /// If it breaks a rule, its new name is taken, or it was changed meanwhile.
    pub async fn change_task(&self, id_or_name: &str, spec: TaskSpec, expected: Option<u32>) -> Result<Task, Refusal> {
        let task = self.task(id_or_name).await?;
        expect(expected, task.revision)?;
        let template = self.check_task(&spec).await?;
        self.put_task(task, &template, spec).await
    }

    /// Changes a task to what was checked.
    pub(super) async fn put_task(&self, mut task: Task, template: &Template, spec: TaskSpec) -> Result<Task, Refusal> {
        task.template = template.id;
        task.spec = spec;
        task.revision += 1;
        task.modified_at = self.engine.now();
        self.store.update_task(&task).await?;
        Ok(task)
    }

    /// Deletes a task that no unfinished run executes.
    ///
    /// # Errors
    /// If it is in use, or was changed meanwhile.
    pub async fn delete_task(&self, id_or_name: &str, expected: Option<u32>) -> Result<(), Refusal> {
        let task = self.task(id_or_name).await?;
        expect(expected, task.revision)?;
        Ok(self.store.delete_task(&task).await?)
    }

    /// Checks a task against its template and the registered parties.
    async fn check_task(&self, spec: &TaskSpec) -> Result<Template, Refusal> {
        let template = self.template(&spec.template).await.map_err(|refusal| {
            let violation = Violation {
                field: "template".to_owned(),
                problem: refusal.detail.clone(),
            };
            let code = match refusal.code {
                ErrorCode::NotFound => ErrorCode::Invalid,
                other => other,
            };
            Refusal {
                code,
                violations: vec![violation],
                ..refusal
            }
        })?;
        validate::resolve(&template.spec, spec, &StartOptions::default(), &self.deadlines)?;
        self.check_parties(spec).await?;
        Ok(template)
    }

    pub(super) async fn check_parties(&self, spec: &TaskSpec) -> Result<(), Refusal> {
        let mut violations = Vec::new();
        let named = spec.participants.iter().map(|participant| &participant.party);
        let named: Vec<PartyId> = named.chain(&spec.aggregator).cloned().collect();
        let known = self.store.parties_named(&named).await?;
        let mut add = |field: String, problem: String| violations.push(Violation { field, problem });
        for (index, participant) in spec.participants.iter().enumerate() {
            let Some(party) = known.iter().find(|party| party.id == participant.party) else {
                let hint = self.party_hint(&participant.party).await?;
                let problem = format!("there is no party '{}'{hint}", participant.party);
                add(format!("participants[{index}].party"), problem);
                continue;
            };
            // A path is the party's own to allow.
            let Some(dataset) = participant.dataset.as_ref().filter(|name| !name.starts_with('/')) else {
                continue;
            };
            if !party.datasets.contains(dataset) {
                let hint = nearest::hint(dataset, party.datasets.iter().map(String::as_str));
                let problem = format!("party '{}' has no data set '{dataset}'{hint}", party.id);
                add(format!("participants[{index}].dataset"), problem);
            }
        }
        if let Some(aggregator) = &spec.aggregator
            && !known.iter().any(|party| party.id == *aggregator)
        {
            let hint = self.party_hint(aggregator).await?;
            add(
                "aggregator".to_owned(),
                format!("there is no party '{aggregator}'{hint}"),
            );
        }
        if violations.is_empty() {
            Ok(())
        } else {
            Err(Violations(violations).into())
        }
    }

    async fn party_hint(&self, wrong: &PartyId) -> Result<String, Refusal> {
        let parties = self.store.parties(None, HINTS).await?;
        Ok(nearest::hint(
            wrong.as_str(),
            parties.iter().map(|party| party.id.as_str()),
        ))
    }
}
