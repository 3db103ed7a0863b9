//! `flowctl why`

use flow_api::{Link, Why};
use flow_domain::RunId;

use super::Session;
use crate::{
    Exit, Failure,
    output::{Format, clean},
};

/// Says why a run is as it is.
pub(super) async fn run(session: &Session, run: &str) -> Result<Exit, Failure> {
    let id = session.client.run_id(run).await?;
    let why: Why = session.client.get(&["runs", &id.to_string(), "why"], &[]).await?;
    match session.output.format {
        Format::Json | Format::Yaml => session.output.whole(&why)?,
        Format::Name => session.output.line(why.reason.as_str())?,
        Format::Table => session.output.line(readable(id, &why))?,
    }
    Ok(Exit::OK)
}

/// The verdict, the hint, and the members with their last words, the one that decided it first.
pub fn readable(id: RunId, why: &Why) -> String {
    let mut lines = vec![format!("run {id} {}: {}: {}", why.state, why.reason, why.message)];
    if !why.hint.is_empty() {
        lines.push(format!("hint: {}", why.hint));
    }
    for link in &why.chain {
        lines.push(String::new());
        let mark = if why.culprit == Some(link.assignment) {
            "* "
        } else {
            "  "
        };
        lines.push(format!("{mark}{}", member(link)));
        if !link.message.is_empty() {
            lines.push(format!("    {}", link.message.replace('\n', "\n    ")));
        }
        lines.extend(link.log.iter().map(|line| format!("    | {line}")));
    }
    clean(&lines.join("\n")).into_owned()
}

fn member(link: &Link) -> String {
    let exit = link
        .exit_code
        .map_or_else(String::new, |code| format!(", exit code {code}"));
    format!(
        "{} at {}, attempt {}: {}, {}{exit}",
        link.role, link.party, link.attempt, link.state, link.reason
    )
}
