//! `flowctl demo`: a real federated training on this machine, from the data to the result, through the whole platform.

pub(crate) mod digits;
mod results;
pub(crate) mod submission;
mod watch;

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use flow_api::{Page, PartyView, RunView};
use flow_daemon::shutdown::Shutdown;
use flow_domain::{ErrorCode, RunId, RunState};
use tempfile::TempDir;

use self::{digits::Digits, submission::Submission, watch::Standings};
use crate::{
    Exit, Failure,
    cli::Demo,
    client::Client,
    commands::why,
    output::{Output, note},
    python,
    settings::{self, Settings},
    signals::Signals,
    stack::{Places, Plan, Stack, party},
};

/// Agents on this machine are attached by then.
const ATTACHING: Duration = Duration::from_secs(20);
/// A cancelled run has ended by then: the stop deadline and the framework's grace, and some.
const CANCELLING: Duration = Duration::from_secs(90);
/// Supervisors that have ended a job take a moment to end themselves.
const CLEARING: Duration = Duration::from_secs(10);

/// How the demo ended.
struct Ending {
    run: RunView,
    standings: Standings,
}

/// Runs the demo.
///
/// # Errors
/// Whatever kept it from training; a training that fails is an exit code.
pub(crate) async fn run(output: &Output, settings: &Settings, asked: &Demo) -> Result<Exit, Failure> {
    if let Some(folder) = &asked.data {
        return deal_out(folder, asked.parties.into());
    }
    let mut signals = Signals::listen()?;
    let began = Instant::now();
    let cache = cache()?;
    let python = tokio::select! {
        python = python::environment(&cache, &python::IFLEARNER, &python::plainly) => python?,
        () = signals.first() => return results::interrupted(output, began),
    };
    let folder = folder()?;
    crate::log::to_file(&folder.path().join("flow.log"));
    let places = Places::below(folder.path().to_owned());
    let lock = places.lock()?;
    deal(&places, asked.parties.into())?;
    let plan = Plan {
        legacy: None,
        places: places.clone(),
        parties: asked.parties.into(),
        rest: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        python,
    };
    note(format!(
        "starting a server and {} agents below {}",
        asked.parties,
        folder.path().display()
    ));
    let stack = Stack::start(&plan, lock, Shutdown::new()).await?;
    let client = Client::new(&Settings {
        server: stack.url(),
        ca_file: None,
        ..settings.clone()
    })?;
    let submission = Submission::digits(asked.parties.into(), Some(asked.epochs))?;

    let played = play(&client, &submission, &mut signals).await;
    // Until the stack is stopped, the reasons and last log lines can be had.
    let told = match &played {
        Ok(ending) => explain(&client, &ending.run).await,
        Err(_) => Ok(()),
    };
    stack.stop().await;
    let gone = match &played {
        Ok(_) => clear(folder, asked.keep).await,
        Err(_) => {
            note(format!(
                "what there is of data and logs is kept in {}",
                folder.keep().display()
            ));
            Ok(())
        }
    };
    let ending = played?;
    told?;
    let kept = asked.keep.then_some(&places);
    let exit = results::show(output, &ending, began, kept, &submission)?;
    gone.map(|()| exit)
}

/// Submits the task and watches the run to its end. At the first signal the run is cancelled, and its end awaited.
async fn play(client: &Client, submission: &Submission, signals: &mut Signals) -> Result<Ending, Failure> {
    all_known(client, submission).await?;
    let run = submission.submit(client).await?;
    let watched = tokio::select! {
        watched = watch::until_ended(client, run.id) => watched,
        () = signals.first() => {
            note("cancelling the run and cleaning up; once more to leave at once");
            cancel(client, run.id).await
        }
    };
    match watched {
        Ok((run, standings)) => Ok(Ending { run, standings }),
        // Whatever went wrong, no job is to outlive the demo.
        Err(failure) => match cancel(client, run.id).await {
            Ok(_) => Err(failure),
            Err(_) => {
                Err(failure.details(["the run could not be cancelled either: processes of it may remain".into()]))
            }
        },
    }
}

/// Waits until the server knows all parties, whose agents have only just been started. Who does not come is named by the submission.
async fn all_known(client: &Client, submission: &Submission) -> Result<(), Failure> {
    const POLL: Duration = Duration::from_millis(50);
    let began = Instant::now();
    while began.elapsed() < ATTACHING {
        let known: Page<PartyView> = client.get(&["parties"], &[]).await?;
        if submission
            .parties()
            .all(|party| known.items.iter().any(|one| one.id == *party))
        {
            break;
        }
        tokio::time::sleep(POLL).await;
    }
    Ok(())
}

async fn cancel(client: &Client, id: RunId) -> Result<(RunView, Standings), Failure> {
    const POLL: Duration = Duration::from_millis(100);
    let id = id.to_string();
    let _: RunView = client.post(&["runs", &id, "cancel"]).await?;
    let began = Instant::now();
    loop {
        let run: RunView = client.get(&["runs", &id], &[]).await?;
        if run.state.is_terminal() {
            let standings = watch::standings(client, &run).await?;
            return Ok((run, standings));
        }
        if began.elapsed() > CANCELLING {
            let message = format!("run {id} did not end when it was cancelled");
            return Err(Failure::new(ErrorCode::Timeout, message));
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Says why a run did not succeed.
async fn explain(client: &Client, run: &RunView) -> Result<(), Failure> {
    if let RunState::Failed | RunState::TimedOut | RunState::Rejected = run.state {
        let answer = client.get(&["runs", &run.id.to_string(), "why"], &[]).await?;
        note(why::readable(run.id, &answer));
    }
    Ok(())
}

/// The program, and each party's share of the data.
pub(crate) fn deal(places: &Places, parties: usize) -> Result<(), Failure> {
    let digits = Digits::unpack()?;
    digits::program(&places.app())?;
    for index in 0..parties {
        digits.deal(&places.data(&party(index)?), index, parties)?;
    }
    Ok(())
}

/// Each party's share of the data, in a folder of its name.
fn deal_out(folder: &Path, parties: usize) -> Result<Exit, Failure> {
    let digits = Digits::unpack()?;
    for index in 0..parties {
        let party = party(index)?;
        digits.deal(&folder.join(party.as_str()), index, parties)?;
        note(format!(
            "the share of {party} is in {}",
            folder.join(party.as_str()).display()
        ));
    }
    Ok(Exit::OK)
}

/// Where the Python environment is kept.
pub(crate) fn cache() -> Result<PathBuf, Failure> {
    settings::user_dir("XDG_CACHE_HOME", ".cache")
        .ok_or_else(|| Failure::invalid("neither XDG_CACHE_HOME nor HOME says where the cache is"))
}

fn folder() -> Result<TempDir, Failure> {
    let made = tempfile::Builder::new().prefix("iflearner-flow-demo-").tempdir();
    made.map_err(|error| {
        Failure::internal("cannot make a temporary folder")
            .because(error)
            .hint("set TMPDIR to a folder that you may write to")
    })
}

/// Removes the folder, unless it is to be kept.
async fn clear(folder: TempDir, keep: bool) -> Result<(), Failure> {
    const POLL: Duration = Duration::from_millis(50);
    if keep {
        let _ = folder.keep();
        return Ok(());
    }
    let path = folder.keep();
    let began = Instant::now();
    loop {
        match std::fs::remove_dir_all(&path) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            // A supervisor that is just ending may still write its last file.
            Err(_) if began.elapsed() < CLEARING => tokio::time::sleep(POLL).await,
            Err(error) => return Err(Failure::internal(format!("cannot remove {}", path.display())).because(error)),
        }
    }
}
