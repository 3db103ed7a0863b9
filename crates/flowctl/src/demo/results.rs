//! What the demo says at its end.

use std::time::Instant;

use flow_domain::{PartyId, RunState};
use serde::Serialize;

use super::{Ending, Submission, watch};
use crate::{
    Exit, Failure,
    output::{Format, Output, lay_out, note},
    settings::Settings,
    stack::Places,
};

/// The whole of it, for programs.
#[derive(Debug, Serialize)]
struct Results<'a> {
    state: RunState,
    /// From start to end.
    seconds: f64,
    parties: Vec<PartyResult<'a>>,
}

#[derive(Debug, Serialize)]
struct PartyResult<'a> {
    party: &'a PartyId,
    accuracy: Option<f64>,
    rounds: u32,
}

/// Shows how it ended, and answers the exit code.
pub(super) fn show(
    output: &Output,
    ending: &Ending,
    began: Instant,
    kept: Option<&Places>,
    submission: &Submission,
) -> Result<Exit, Failure> {
    let parties = ending.standings.iter().map(|(party, standing)| PartyResult {
        party,
        accuracy: standing.accuracy,
        rounds: standing.rounds,
    });
    let results = Results {
        state: ending.run.state,
        seconds: seconds(began),
        parties: parties.collect(),
    };
    match output.format {
        Format::Json | Format::Yaml => output.whole(&results)?,
        Format::Name => output.line(results.state.to_string())?,
        Format::Table => {
            output.line(format!(
                "{} after {:.1} s\n\n{}",
                results.state,
                results.seconds,
                table(&results, ending)
            ))?;
            output.line(format!("\n{}", places(ending, kept)))?;
            output.line(format!(
                "\nThe same with curl, while 'flowctl up' runs in another terminal:\n\n{}",
                submission.curl(&Settings::default().server)?
            ))?;
        }
    }
    Ok(ending.run.state.into())
}

/// Shows that it was interrupted before there was a run.
pub(super) fn interrupted(output: &Output, began: Instant) -> Result<Exit, Failure> {
    let state = RunState::Cancelled;
    let results = Results {
        state,
        seconds: seconds(began),
        parties: Vec::new(),
    };
    match output.format {
        Format::Json | Format::Yaml => output.whole(&results)?,
        Format::Name => output.line(state.to_string())?,
        Format::Table => note("interrupted before anything was started"),
    }
    Ok(state.into())
}

fn seconds(began: Instant) -> f64 {
    (began.elapsed().as_secs_f64() * 10.0).round() / 10.0
}

fn table(results: &Results<'_>, ending: &Ending) -> String {
    let rows = results
        .parties
        .iter()
        .zip(&ending.standings)
        .map(|(party, (_, standing))| {
            vec![
                party.party.to_string(),
                party
                    .accuracy
                    .map_or_else(String::new, |accuracy| format!("{accuracy:.4}")),
                watch::rounds(standing),
            ]
        });
    lay_out(&["PARTY", "ACCURACY", "ROUNDS"], rows)
}

fn places(ending: &Ending, kept: Option<&Places>) -> String {
    let Some(places) = kept else {
        return "Data and logs were in a temporary folder and are removed; --keep keeps them.".to_owned();
    };
    let parties = ending.standings.iter().map(|(party, _)| {
        let (data, agent) = (places.data(party), places.agent(party));
        format!(
            "{party}: data in {}, jobs and their logs in {}",
            data.display(),
            agent.display()
        )
    });
    let mut lines = vec![
        format!("Everything is kept in {}", places.root().display()),
        format!("server: database and jobs in {}", places.server().display()),
    ];
    lines.extend(parties);
    lines.join("\n")
}
