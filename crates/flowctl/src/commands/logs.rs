//! `flowctl logs`

use std::time::Duration;

use flow_api::{LogLineView, NDJSON};

use super::Session;
use crate::{
    Exit, Failure, cli,
    client::Lines,
    output::{Format, clean},
};

/// A program may be silent for as long as it trains; a broken connection shows itself otherwise.
const SILENCE: Duration = Duration::from_secs(366 * 86_400);

/// Shows what the members of a run write.
pub(super) async fn run(session: &Session, query: &cli::Logs) -> Result<Exit, Failure> {
    let id = session.client.run_id(&query.run).await?.to_string();
    let mut asked = Vec::new();
    asked.extend(query.party.clone().map(|party| ("party", party)));
    asked.extend(query.role.clone().map(|role| ("role", role)));
    asked.extend(query.tail.map(|tail| ("tail", tail.to_string())));
    asked.extend(query.since.map(|since| ("since", since.to_string())));
    asked.extend(query.previous.then(|| ("previous", "true".to_owned())));
    asked.extend(query.attempt.map(|attempt| ("attempt", attempt.to_string())));
    asked.extend(query.follow.then(|| ("follow", "true".to_owned())));
    let response = session.client.stream(&["runs", &id, "logs"], &asked, NDJSON).await?;
    let mut lines = Lines::of(response, SILENCE);
    while let Some(line) = lines.next().await? {
        if !line.trim().is_empty() {
            show(session, &line)?;
        }
    }
    Ok(Exit::OK)
}

fn show(session: &Session, line: &str) -> Result<(), Failure> {
    let line: LogLineView = serde_json::from_str(line)
        .map_err(|error| Failure::internal("the server sent a log line that is none").because(error))?;
    match session.output.format {
        Format::Json => session.output.json_line(&line),
        Format::Yaml => session.output.yaml_document(&line),
        Format::Name => session.output.line(clean(&line.text)),
        Format::Table => {
            let text = clean(&line.text);
            session
                .output
                .line(format!("{}/{} | {}", line.party, line.role, text.trim_end()))
        }
    }
}
