//! `flowctl run …`

use std::time::Duration;

use flow_api::{AssignmentView, EventView, Page, RunView};
use flow_domain::{
    ErrorCode, RunId,
    approval::{Approval, Judgement},
    run::StartOptions,
    template::Scalar,
};

use super::{Session, wait};
use crate::{
    Exit, Failure, cli,
    client::Events,
    output::{Format, Output, Row as _, fields, members, note, now, parameters},
};

/// Does what was asked about runs.
pub(super) async fn run(session: &Session, command: &cli::Run) -> Result<Exit, Failure> {
    match command {
        cli::Run::Start(start) => return begin(session, start).await,
        cli::Run::List { task, state, length } => {
            let mut query = Vec::new();
            query.extend(task.clone().map(|task| ("task", task)));
            query.extend(state.map(|state| ("state", state.to_string())));
            let page = session.client.list::<RunView>(&["runs"], &query, length.limit).await?;
            session.output.list(&page)?;
        }
        cli::Run::Get(which) => {
            let mut runs = Vec::with_capacity(which.runs.len());
            for text in &which.runs {
                let id = session.client.run_id(text).await?;
                runs.push(get(session, id).await?);
            }
            session.output.many(&runs)?;
        }
        cli::Run::Describe(which) => {
            for (index, text) in which.runs.iter().enumerate() {
                if index > 0 && session.output.format == Format::Table {
                    session.output.line("")?;
                }
                describe(session, text).await?;
            }
        }
        cli::Run::Wait { run, timeout } => {
            let id = session.client.run_id(run).await?;
            let run = wait::until_ended(session, id, timeout.map(|span| span.std())).await?;
            session.output.one(&run)?;
            return Ok(run.state.into());
        }
        cli::Run::Cancel(which) => {
            for text in &which.runs {
                let id = session.client.run_id(text).await?;
                let run: RunView = session.client.post(&["runs", &id.to_string(), "cancel"]).await?;
                let done = if run.state.is_terminal() {
                    "has been cancelled"
                } else {
                    "is being cancelled"
                };
                session.output.done(&run, done)?;
            }
        }
        cli::Run::Approve(how) => {
            let judgement = Judgement {
                by: how.by.clone().unwrap_or_default(),
                comment: how.comment.clone().unwrap_or_default(),
            };
            judge(session, &how.runs, "approve", &judgement).await?;
        }
        cli::Run::Reject(how) => {
            let judgement = Judgement {
                by: how.by.clone().unwrap_or_default(),
                comment: how.comment.clone(),
            };
            judge(session, &how.runs, "reject", &judgement).await?;
        }
        cli::Run::Events { run, follow } => events(session, run, *follow).await?,
    }
    Ok(Exit::OK)
}

/// Approves or rejects; the server answers the same when it is asked again.
async fn judge(session: &Session, which: &cli::Runs, verb: &str, judgement: &Judgement) -> Result<(), Failure> {
    let done = match verb {
        "approve" => "approved",
        _ => "rejected",
    };
    for text in &which.runs {
        let id = session.client.run_id(text).await?.to_string();
        let run: RunView = session.client.post_with(&["runs", &id, verb], judgement).await?;
        session.output.done(&run, done)?;
    }
    Ok(())
}

async fn begin(session: &Session, start: &cli::Start) -> Result<Exit, Failure> {
    let options = StartOptions {
        hyperparameters: start.set.iter().cloned().collect(),
        switches: start.switches.clone(),
    };
    let run: RunView = session.client.create(&["tasks", &start.task, "runs"], &options).await?;
    if !start.wait {
        session.output.done(&run, "started")?;
        return Ok(Exit::OK);
    }
    if session.output.format == Format::Table {
        note(format!("{} started", run.reference()));
    }
    let run = wait::until_ended(session, run.id, start.timeout.map(|span| span.std())).await?;
    session.output.one(&run)?;
    Ok(run.state.into())
}

pub(super) async fn get(session: &Session, id: RunId) -> Result<RunView, Failure> {
    session.client.get(&["runs", &id.to_string()], &[]).await
}

pub(super) async fn assignments(session: &Session, id: RunId) -> Result<Vec<AssignmentView>, Failure> {
    /// The members of some attempts of the largest gang.
    const LIMIT: u32 = 2_000;
    let path = ["runs", &id.to_string(), "assignments"];
    let page: Page<AssignmentView> = session.client.list(&path, &[], LIMIT).await?;
    Ok(page.items)
}

async fn describe(session: &Session, text: &str) -> Result<(), Failure> {
    let id = session.client.run_id(text).await?;
    let run = get(session, id).await?;
    if session.output.format.is_whole() {
        return session.output.one(&run);
    }
    let members_of_run = assignments(session, id).await?;
    session.output.line(fields(&facts(&run)))?;
    for attempt in &run.attempts {
        let ended = attempt.ended_at.map_or_else(|| "now".to_owned(), |at| at.to_string());
        let cause = attempt.cause.as_ref().map_or_else(String::new, |cause| {
            format!(": {}, {}", cause.reason, crate::output::clean(&cause.message))
        });
        session.output.line(format!(
            "Attempt {}: {} to {ended}{cause}",
            attempt.number, attempt.started_at
        ))?;
    }
    session.output.line("Members:")?;
    session.output.line(members(&members_of_run, now()))
}

fn facts(run: &RunView) -> Vec<(&'static str, String)> {
    let parties: Vec<&str> = run.parties.iter().map(|party| party.as_str()).collect();
    let time = |at: Option<flow_domain::Timestamp>| at.map_or_else(String::new, |at| at.to_string());
    vec![
        ("Id", run.id.to_string()),
        ("Task", format!("{} (revision {})", run.task_name, run.task_revision)),
        ("Framework", run.framework.clone()),
        ("State", format!("{} since {}", run.state, run.state_since)),
        ("Reason", run.reason.to_string()),
        ("Message", run.message.clone()),
        ("Place", run.place.map_or_else(String::new, |place| place.to_string())),
        (
            "Approval",
            run.approval.as_ref().map_or_else(String::new, Approval::in_words),
        ),
        ("Parties", parties.join(", ")),
        ("Parameters", parameters(&run.hyperparameters)),
        (
            "Attempts",
            format!("{} of at most {}", run.attempts.len(), run.max_attempts),
        ),
        ("Created", run.created_at.to_string()),
        ("Deadline", time(run.deadline)),
        ("Ended", time(run.ended_at)),
    ]
}

async fn events(session: &Session, text: &str, follow: bool) -> Result<(), Failure> {
    let id = session.client.run_id(text).await?.to_string();
    let path = ["runs", id.as_str(), "events"];
    if follow {
        return follow_events(session, &path).await;
    }
    let mut after = 0;
    loop {
        let page: Page<EventView> = session.client.get(&path, &[("after", after.to_string())]).await?;
        let last = page.items.last().map(|event| event.sequence);
        for event in &page.items {
            event_line(&session.output, event)?;
        }
        match last {
            Some(last) if page.next.is_some() && last > after => after = last,
            _ => return Ok(()),
        }
    }
}

/// Follows until the run has ended; a connection that breaks is made again after the last event that was seen.
async fn follow_events(session: &Session, path: &[&str]) -> Result<(), Failure> {
    const PAUSE: Duration = Duration::from_secs(1);
    let mut after = 0;
    loop {
        let query = [("after", after.to_string())];
        let response = session.client.stream(path, &query, "text/event-stream").await?;
        let mut events = Events::of(response);
        loop {
            match events.next().await {
                Ok(Some(event)) if event.name == "end" => return Ok(()),
                Ok(Some(event)) if event.name == "event" => {
                    let view: EventView = serde_json::from_str(&event.data)
                        .map_err(|error| Failure::internal("the server sent an event that is none").because(error))?;
                    if view.sequence > after {
                        after = view.sequence;
                        event_line(&session.output, &view)?;
                    }
                }
                Ok(Some(_)) => {}
                Err(failure) if failure.code() != Some(ErrorCode::Unavailable) => return Err(failure),
                // The server went away, or is being restarted: what it does then decides.
                Ok(None) | Err(_) => break,
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn event_line(output: &Output, event: &EventView) -> Result<(), Failure> {
    match output.format {
        Format::Json => output.json_line(event),
        Format::Yaml => output.yaml_document(event),
        Format::Name => output.line(event.sequence.to_string()),
        Format::Table => {
            let who = match (&event.role, &event.party) {
                (Some(role), Some(party)) => format!("{role} at {party}"),
                _ => "run".to_owned(),
            };
            let message = event.message.replace('\n', " ");
            let line = format!(
                "{}  {who:24} {:10} {:24} {message}",
                event.at,
                event.state,
                event.reason.as_str()
            );
            output.line(crate::output::clean(&line))
        }
    }
}

/// Reads `key=value`; the value is a number or truth value where it looks like one, and a text otherwise.
///
/// # Errors
/// A text that is not of that form.
pub fn assignment(text: &str) -> Result<(String, Scalar), String> {
    let (key, value) = text.split_once('=').ok_or("write it as key=value")?;
    if key.is_empty() {
        return Err("the key before '=' is missing".to_owned());
    }
    let value = match value {
        "true" => Scalar::Bool(true),
        "false" => Scalar::Bool(false),
        text => text
            .parse()
            .map(Scalar::Int)
            // `inf` and `nan` are words here.
            .or_else(|_| {
                text.parse()
                    .ok()
                    .filter(|number: &f64| number.is_finite())
                    .map(Scalar::Float)
                    .ok_or(())
            })
            .unwrap_or_else(|()| Scalar::Text(text.to_owned())),
    };
    Ok((key.to_owned(), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_what_it_looks_like() {
        let value = |text| assignment(text).unwrap().1;
        assert_eq!(value("a=3"), Scalar::Int(3));
        assert_eq!(value("a=0.5"), Scalar::Float(0.5));
        assert_eq!(value("a=true"), Scalar::Bool(true));
        assert_eq!(value("a=x=y"), Scalar::Text("x=y".into()));
        assert_eq!(value("a=nan"), Scalar::Text("nan".into()));
        assert_eq!(value("a="), Scalar::Text(String::new()));
        assert!(assignment("a").is_err() && assignment("=1").is_err());
    }
}
