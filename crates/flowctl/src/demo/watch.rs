//! Shows a run while it goes: a bar for each party on a terminal, plain lines elsewhere.

use std::{collections::BTreeMap, time::Duration};

use flow_api::{AssignmentView, RunView};
use flow_domain::{PartyId, RunId, RunState};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::{
    Failure,
    client::Client,
    output::{self, clean, note},
};

/// How often the server is asked.
const POLL: Duration = Duration::from_millis(300);

/// What became of one party.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Standing {
    /// The last round that it was seen in.
    pub rounds: u32,
    /// How many there are to be.
    pub total: Option<u32>,
    /// Its accuracy on the test images, as it last told.
    pub accuracy: Option<f64>,
}

/// All parties of a run, in the order of the task.
pub(super) type Standings = Vec<(PartyId, Standing)>;

/// Watches until the run has ended.
pub(super) async fn until_ended(client: &Client, id: RunId) -> Result<(RunView, Standings), Failure> {
    let mut screen = Screen::new();
    loop {
        // The run first: when it has ended, the members stand as they will remain.
        let run: RunView = client.get(&["runs", &id.to_string()], &[]).await?;
        let standings = standings(client, &run).await?;
        screen.show(&run, &standings);
        if run.state.is_terminal() {
            return Ok((run, standings));
        }
        tokio::time::sleep(POLL).await;
    }
}

/// How far each party is.
pub(super) async fn standings(client: &Client, run: &RunView) -> Result<Standings, Failure> {
    let path = ["runs", &run.id.to_string(), "assignments"];
    let members = client.list::<AssignmentView>(&path, &[], 2_000).await?.items;
    let current = run.attempts.last().map_or(0, |attempt| attempt.number);
    let standing = |party: &PartyId| {
        let of_party = |member: &&AssignmentView| member.party == *party && member.attempt == current;
        members.iter().filter(of_party).map(|member| &member.progress).fold(
            Standing::default(),
            |standing, progress| Standing {
                rounds: standing.rounds.max(progress.round),
                total: progress.total.or(standing.total),
                accuracy: progress.metrics.get("accuracy").copied().or(standing.accuracy),
            },
        )
    };
    Ok(run
        .parties
        .iter()
        .map(|party| (party.clone(), standing(party)))
        .collect())
}

struct Screen {
    all: Option<MultiProgress>,
    head: ProgressBar,
    bars: BTreeMap<PartyId, ProgressBar>,
    said: BTreeMap<PartyId, u32>,
    state: Option<RunState>,
}

impl Screen {
    fn new() -> Self {
        let all = output::lively().then(MultiProgress::new);
        let head = all
            .as_ref()
            .map_or_else(ProgressBar::hidden, |all| all.add(ProgressBar::new_spinner()));
        style(&head, "{spinner} {wide_msg} {elapsed}");
        head.enable_steady_tick(Duration::from_millis(120));
        Self {
            all,
            head,
            bars: BTreeMap::new(),
            said: BTreeMap::new(),
            state: None,
        }
    }

    fn show(&mut self, run: &RunView, standings: &Standings) {
        let state = format!("{}: {}", run.state, clean(&run.message));
        match &self.all {
            Some(_) => self.head.set_message(state),
            None if self.state != Some(run.state) => note(state),
            None => {}
        }
        self.state = Some(run.state);
        for (party, standing) in standings {
            if standing.rounds == 0 && standing.accuracy.is_none() {
                continue;
            }
            match &self.all {
                Some(all) => {
                    let bar = self.bars.entry(party.clone()).or_insert_with(|| bar(all, party));
                    bar.set_length(standing.total.unwrap_or(standing.rounds).into());
                    bar.set_position(standing.rounds.into());
                    bar.set_message(accuracy(standing));
                }
                None if self.said.insert(party.clone(), standing.rounds) != Some(standing.rounds) => {
                    note(format!("{party}  round {}  {}", rounds(standing), accuracy(standing)).trim_end());
                }
                None => {}
            }
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.head.finish_and_clear();
        for bar in self.bars.values() {
            // Where it stands: the run may have been cancelled.
            bar.abandon();
        }
        if !self.bars.is_empty() {
            // The last bar ends without a line break.
            note("");
        }
    }
}

fn bar(all: &MultiProgress, party: &PartyId) -> ProgressBar {
    let bar = all.add(ProgressBar::new(0));
    style(&bar, "  {prefix:12} {bar:30} round {pos}/{len}  {msg}");
    bar.set_prefix(party.to_string());
    bar
}

fn style(bar: &ProgressBar, template: &str) {
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("=> "));
    }
}

/// `3/10`
pub(super) fn rounds(standing: &Standing) -> String {
    let total = standing.total.map_or_else(String::new, |total| format!("/{total}"));
    format!("{}{total}", standing.rounds)
}

fn accuracy(standing: &Standing) -> String {
    standing
        .accuracy
        .map_or_else(String::new, |accuracy| format!("accuracy {accuracy:.4}"))
}
