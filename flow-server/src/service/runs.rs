//! Starting, watching and cancelling runs.

use std::{sync::Arc, time::Duration};

use flow_domain::{
    Assignment, AssignmentId, ErrorCode, PartyId, Run, RunId,
    approval::Judgement,
    gang::Gang,
    run::StartOptions,
    task::Task,
    validate,
    why::{self, Why},
};

use super::{Refusal, Services, legacy};
use crate::{
    hub::{LogPart, LogReader},
    store::{Claim, Created},
};

/// How many members' logs an answer to "why" quotes, how many lines of each, and how long it waits for them.
const QUOTED_LOGS: usize = 3;
const QUOTED_LINES: u32 = 20;
const QUOTE_WAIT: Duration = Duration::from_secs(3);

/// Whose logs are wanted.
#[derive(Debug, Clone, Default)]
pub struct LogSelection {
    /// Of this party.
    pub party: Option<PartyId>,
    /// Of this role.
    pub role: Option<String>,
    /// Of this attempt; the newest if absent.
    pub attempt: Option<u32>,
    /// How much of each log.
    pub part: LogPart,
}

/// The log of one member, if its agent is attached.
#[derive(Debug)]
pub struct MemberLog {
    /// The member.
    pub assignment: Assignment,
    /// Its lines.
    pub(crate) reader: Option<LogReader>,
}

impl Services {
    /// Starts a task: makes a run of its present revision.
    ///
    /// # Errors
    /// If there is no such task, it breaks a rule by now, or the options do.
    pub async fn start_run(&self, task: &str, options: &StartOptions, claim: Option<&Claim>) -> Result<Run, Refusal> {
        let task = self.task(task).await?;
        self.submit_run(task, options, claim).await.map(|(run, _)| run)
    }

    /// Starts a task, and says whether the run is new.
    pub(super) async fn submit_run(
        &self,
        task: Task,
        options: &StartOptions,
        claim: Option<&Claim>,
    ) -> Result<(Run, Created), Refusal> {
        let template = self.template(&task.template.to_string()).await?;
        let mut spec = validate::resolve(&template.spec, &task.spec, options, &self.deadlines)?;
        spec.job_name = legacy::job_name(&task, &spec.profile);
        self.check_parties(&task.spec).await?;
        let now = self.engine.now();
        let run = Run::submitted(RunId(self.chance.id_at(now.0)), &task, spec, now);
        let created = self.engine.submit(&run, claim).await?;
        let id = match &created {
            Created::New => run.id,
            Created::Before(id) => id.parse().unwrap_or(run.id),
        };
        Ok((self.gang(id).await?.run, created))
    }

    /// One run with its assignments.
    ///
    /// # Errors
    /// If there is none.
    pub async fn gang(&self, id: RunId) -> Result<Gang, Refusal> {
        let loaded = self.store.gang(id).await?;
        let loaded = loaded.ok_or_else(|| Refusal::not_found("run", &id.to_string()))?;
        Ok(Arc::unwrap_or_clone(loaded.gang))
    }

    /// Asks for the end of a run.
    ///
    /// # Errors
    /// If there is none, or it is over.
    pub async fn cancel_run(&self, id: RunId) -> Result<Run, Refusal> {
        let gang = self.engine.cancel(id).await?;
        Ok(gang.ok_or_else(|| Refusal::not_found("run", &id.to_string()))?.run)
    }

    /// Approves a run that asks for it (`granted`), or rejects it.
    ///
    /// # Errors
    /// If there is none, it breaks a rule, the run does not ask for approval, the opposite was decided, or it is over.
    pub async fn judge_run(&self, id: RunId, granted: bool, judgement: &Judgement) -> Result<Run, Refusal> {
        validate::judgement(judgement, granted)?;
        let gang = self.engine.judge(id, granted, judgement).await?;
        Ok(gang.ok_or_else(|| Refusal::not_found("run", &id.to_string()))?.run)
    }

    /// Why the run is as it is, with the last log lines of the members that failed.
    ///
    /// # Errors
    /// If there is no such run.
    pub async fn why(&self, id: RunId) -> Result<Why, Refusal> {
        let gang = self.gang(id).await?;
        let mut why = why::why(&gang);
        let culprit = why.culprit;
        let quoted = why
            .chain
            .iter_mut()
            .filter(|link| link.state.is_failure() || Some(link.assignment) == culprit)
            .take(QUOTED_LOGS);
        let part = LogPart {
            tail: QUOTED_LINES,
            ..LogPart::default()
        };
        let read = futures::future::join_all(quoted.map(|link| async move {
            let reader = self.open_log(&link.party, link.assignment, part).await;
            if let Some(mut reader) = reader {
                let read = read_all(&mut reader, &mut link.log);
                // What has come by then is better than nothing.
                let _ = tokio::time::timeout(QUOTE_WAIT, read).await;
            }
        }));
        read.await;
        Ok(why)
    }

    /// The log of an assignment from its agent, wherever that is attached.
    async fn open_log(&self, party: &PartyId, assignment: AssignmentId, part: LogPart) -> Option<LogReader> {
        if let Some(reader) = self.hub.open_log(party, assignment, part).await {
            return Some(reader);
        }
        let address = self.hub.home(party)?;
        let chunks = self.peers.read_log(&address, party, assignment, part).await?;
        Some(LogReader::elsewhere(chunks))
    }

    /// Opens the logs of a run's members.
    ///
    /// # Errors
    /// If there is no such run, no such member, or none of them can be asked.
    pub async fn logs(&self, id: RunId, selection: &LogSelection) -> Result<Vec<MemberLog>, Refusal> {
        let gang = self.gang(id).await?;
        let attempt = selection.attempt.unwrap_or_else(|| gang.run.attempt());
        let selected: Vec<&Assignment> = gang
            .assignments
            .iter()
            .filter(|a| a.attempt == attempt)
            .filter(|a| selection.party.as_ref().is_none_or(|party| a.party == *party))
            .filter(|a| selection.role.as_ref().is_none_or(|role| a.role == *role))
            .collect();
        if gang.assignments.is_empty() {
            let detail = format!(
                "run {id} has no log yet: it is {} ({})",
                gang.run.state, gang.run.message
            );
            return Err(Refusal::new(ErrorCode::NotFound, detail));
        }
        if selected.is_empty() {
            let detail = format!("attempt {attempt} of run {id} has no such member: list its assignments");
            return Err(Refusal::new(ErrorCode::NotFound, detail));
        }
        let mut logs = Vec::with_capacity(selected.len());
        for assignment in selected {
            let reader = self.open_log(&assignment.party, assignment.id, selection.part).await;
            logs.push(MemberLog {
                assignment: assignment.clone(),
                reader,
            });
        }
        if logs.iter().all(|log| log.reader.is_none()) {
            let parties: Vec<&str> = logs.iter().map(|log| log.assignment.party.as_str()).collect();
            let detail = format!("no agent of {} is attached: try again when it is", parties.join(", "));
            return Err(Refusal::new(ErrorCode::Unavailable, detail));
        }
        Ok(logs)
    }
}

async fn read_all(reader: &mut LogReader, into: &mut Vec<String>) {
    while let Some(chunk) = reader.next().await {
        into.extend(chunk.lines.into_iter().map(|line| line.text));
        if chunk.last {
            return;
        }
    }
}
