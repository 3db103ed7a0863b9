//! Waits for a run to end, and shows on a terminal how far it is.

use std::time::{Duration, Instant};

use flow_api::{AssignmentView, RunView};
use flow_domain::{ErrorCode, RunId, RunState};
use indicatif::{ProgressBar, ProgressStyle};

use super::{Session, run};
use crate::{
    Failure,
    output::{self, note},
};

/// How often the server is asked.
const POLL: Duration = Duration::from_millis(500);
/// A server that is away for longer is not waited for.
const PATIENCE: Duration = Duration::from_secs(120);

/// Waits until the run has ended. A restart of the server is sat out.
pub(super) async fn until_ended(session: &Session, id: RunId, timeout: Option<Duration>) -> Result<RunView, Failure> {
    let waiting = watch(session, id);
    let Some(timeout) = timeout else {
        return waiting.await;
    };
    tokio::time::timeout(timeout, waiting).await.unwrap_or_else(|_| {
        let limit = flow_domain::Span(u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX));
        Err(Failure::new(
            ErrorCode::Timeout,
            format!("run {id} has not ended within {limit}; it goes on"),
        )
        .hint(format!("see what it waits for with: flowctl why {id}")))
    })
}

async fn watch(session: &Session, id: RunId) -> Result<RunView, Failure> {
    let line = Line::new();
    let mut reached = Instant::now();
    loop {
        match run::get(session, id).await {
            Ok(run) if run.state.is_terminal() => {
                line.clear();
                return Ok(run);
            }
            Ok(run) => {
                reached = Instant::now();
                let members = if line.is_shown() && run.state == RunState::Running {
                    run::assignments(session, id).await.unwrap_or_default()
                } else {
                    Vec::new()
                };
                line.show(&run, &members);
            }
            Err(failure) if may_pass(&failure) && reached.elapsed() < PATIENCE => line.away(),
            Err(failure) => return Err(failure),
        }
        tokio::time::sleep(POLL).await;
    }
}

fn may_pass(failure: &Failure) -> bool {
    matches!(
        failure.code(),
        Some(ErrorCode::Unavailable | ErrorCode::Overloaded | ErrorCode::Timeout)
    )
}

/// One line on stderr that changes in place; on anything but a terminal, one line for each change of state.
struct Line {
    bar: Option<ProgressBar>,
    said: std::cell::Cell<Option<RunState>>,
}

impl Line {
    fn new() -> Self {
        let bar = output::lively().then(|| {
            let bar = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg} {elapsed}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Self { bar, said: None.into() }
    }

    fn is_shown(&self) -> bool {
        self.bar.is_some()
    }

    fn show(&self, run: &RunView, members: &[AssignmentView]) {
        let state = format!("{} {}", run.state, run.reason);
        match &self.bar {
            Some(bar) => bar.set_message(format!("{state}{}", rounds(run, members))),
            None if self.said.replace(Some(run.state)) != Some(run.state) => {
                note(format!("{state}: {}", output::clean(&run.message)));
            }
            None => {}
        }
    }

    fn away(&self) {
        if let Some(bar) = &self.bar {
            bar.set_message("the server is away; still waiting");
        }
    }

    fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// `  party-a 3/10  party-b 3/10`
fn rounds(run: &RunView, members: &[AssignmentView]) -> String {
    let attempt = run.attempts.len();
    let current = members
        .iter()
        .filter(|member| member.attempt as usize == attempt && member.progress.round > 0);
    let each = current.map(|member| {
        let total = member
            .progress
            .total
            .map_or_else(String::new, |total| format!("/{total}"));
        format!("  {} {}{total}", member.party, member.progress.round)
    });
    each.collect()
}
