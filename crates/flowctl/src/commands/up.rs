//! `flowctl up`: the whole platform in this process, until Ctrl-C. Jobs run on and are taken up again at the next start.

use flow_daemon::{
    shutdown::Shutdown,
    telemetry::{self, LogConfig},
};

use crate::{
    Exit, Failure,
    cli::Up,
    demo::{self, submission::Submission},
    output::Output,
    python, settings,
    stack::{Places, Plan, Stack, party},
};

/// Starts it, says where everything is, and stays.
pub(super) async fn run(output: &Output, asked: &Up) -> Result<Exit, Failure> {
    let parties = usize::from(asked.parties);
    let root = match &asked.dir {
        Some(dir) => std::path::absolute(dir)
            .map_err(|error| Failure::invalid(format!("'{}' is no folder", dir.display())).because(error))?,
        None => settings::user_dir("XDG_DATA_HOME", ".local/share")
            .ok_or_else(|| {
                Failure::invalid("neither XDG_DATA_HOME nor HOME says where data is kept").hint("give --dir")
            })?
            .join("up"),
    };
    let shutdown = Shutdown::on_signals()
        .map_err(|error| Failure::internal("the system refuses to pass signals on").because(error))?;
    let log = LogConfig {
        filter: "warn".to_owned(),
        ..LogConfig::default()
    };
    let _log = telemetry::init(&log).map_err(|error| Failure::invalid("RUST_LOG is not usable").because(error))?;
    let cache = demo::cache()?;
    let python = tokio::select! {
        python = python::environment(&cache, &python::IFLEARNER, &python::plainly) => python?,
        () = shutdown.token.cancelled() => return Ok(Exit::OK),
    };
    let places = Places::below(root);
    let lock = places.lock()?;
    demo::deal(&places, parties)?;
    let plan = Plan {
        places: places.clone(),
        parties,
        rest: asked.rest,
        legacy: asked.legacy,
        python,
    };
    let stack = Stack::start(&plan, lock, shutdown).await?;
    output.line(welcome(&places, parties, &stack)?)?;
    stack.join().await;
    Ok(Exit::OK)
}

fn welcome(places: &Places, parties: usize, stack: &Stack) -> Result<String, Failure> {
    let url = stack.url();
    let mut lines = vec![format!("REST API     {url}/api/v2 (documentation: {url}/api/v2/docs)")];
    if let Some(legacy) = stack.legacy_url() {
        lines.push(format!(
            "the old API  {legacy}/api/v1 (documentation: {legacy}/api/v1/doc), open to everybody who reaches it"
        ));
    }
    lines.push(format!("everything   {}", places.root().display()));
    for index in 0..parties {
        let party = party(index)?;
        lines.push(format!(
            "{:12} data set 'digits' in {}",
            party.as_str(),
            places.data(&party).display()
        ));
    }
    let curl = Submission::digits(parties, None)?.curl(&url)?;
    lines.push(format!("\nTrain on it, from another terminal:\n\n{curl}\n\nCtrl-C ends it; jobs run on and are taken up at the next start."));
    Ok(lines.join("\n"))
}
