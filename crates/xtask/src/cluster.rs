//! A Kubernetes of one's own on this machine: up, down, and what there is of it.

use std::{
    path::PathBuf,
    sync::{Arc, atomic::AtomicBool},
};

use clap::{Args, Subcommand, ValueEnum};
use flow_cluster::{Cluster, Level, Options, State, leftovers};

use crate::{Outcome, chain};

/// What to do with the cluster.
#[derive(Debug, Subcommand)]
pub(crate) enum ClusterTask {
    /// Bring it up, and leave it up.
    Up(UpArgs),
    /// Take it down, whatever there is of it.
    Down(Place),
    /// Say whether it is up, and how to use it.
    Status(Place),
}

/// How much of a cluster, and where.
#[derive(Debug, Args)]
pub(crate) struct UpArgs {
    /// `api`: API server and controllers. `node`: also containers, names and an ingress; needs root.
    #[arg(long, value_enum, default_value_t = LevelArg::Node)]
    level: LevelArg,
    /// `*.server.<DOMAIN>` and `*.<party>.party.<DOMAIN>` resolve to the node.
    #[arg(long, default_value = flow_cluster::DEFAULT_DOMAIN)]
    domain: String,
    #[command(flatten)]
    place: Place,
}

/// Where the cluster is.
#[derive(Debug, Args)]
pub(crate) struct Place {
    /// Its run directory [default: iflearner-flow/cluster in the user's cache].
    #[arg(long)]
    dir: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum LevelArg {
    Api,
    Node,
}

impl From<LevelArg> for Level {
    fn from(level: LevelArg) -> Self {
        match level {
            LevelArg::Api => Self::Api,
            LevelArg::Node => Self::Node,
        }
    }
}

impl Place {
    fn dir(self) -> Outcome<PathBuf> {
        let dir = self.dir.or_else(Options::default_dir);
        Ok(dir.ok_or("no place for the cluster: set HOME or XDG_CACHE_HOME, or name one with --dir")?)
    }
}

/// Does it.
pub(crate) fn run(task: ClusterTask) -> Outcome {
    match task {
        ClusterTask::Up(args) => up(args),
        ClusterTask::Down(place) => Ok(Cluster::down_in(&place.dir()?).map_err(|error| chain(&error))?),
        ClusterTask::Status(place) => status(place.dir()?),
    }
}

fn up(args: UpArgs) -> Outcome {
    let level = args.level.into();
    let dir = args.place.dir()?;
    if let Some(cluster) = Cluster::attach(&dir)?
        && cluster.state().level == level
    {
        eprintln!("it is up already");
        show(cluster.state());
        return Ok(());
    }
    let mut options = Options::new(dir, level);
    options.domain = args.domain;
    options.cancelled = cancelled_by_signals()?;
    let mut cluster = Cluster::up(&options).map_err(|error| chain(&error))?;
    cluster.keep()?;
    show(cluster.state());
    Ok(())
}

fn status(dir: PathBuf) -> Outcome {
    if let Some(cluster) = Cluster::attach(&dir)? {
        show(cluster.state());
        return Ok(());
    }
    let left = leftovers(&dir);
    if left.is_empty() {
        eprintln!("no cluster is up");
        return Ok(());
    }
    let text = format!(
        "no cluster is up, but this is left (`cargo xtask cluster down` removes it):\n{}",
        left.join("\n")
    );
    Err(text.into())
}

/// What to do with it: on standard output what a shell takes, and the rest on standard error.
#[allow(clippy::print_stdout, reason = "this is what was asked for")]
fn show(state: &State) {
    eprintln!("{} cluster at {}, processes:", state.level, state.api_server);
    for process in &state.processes {
        eprintln!("  {:24} {:8}  {}", process.name, process.id.pid, process.log.display());
    }
    if let Some(node) = &state.node {
        eprintln!(
            "ingress: https://{}:{}; names of {} from {}:53",
            node.address, node.https_port, node.domain, node.address
        );
        if let Some(bin) = &state.bin_dir {
            let ctr = bin.join("ctr");
            eprintln!(
                "images: {} -a {} -n k8s.io images import …",
                ctr.display(),
                node.containerd_socket.display()
            );
        }
    }
    println!("export KUBECONFIG={}", state.kubeconfig.display());
    if let Some(bin) = &state.bin_dir {
        println!("export PATH={}:\"$PATH\"", bin.display());
    }
}

/// Set when the person wants to stop. A second signal ends this program at once.
pub(crate) fn cancelled_by_signals() -> Outcome<Arc<AtomicBool>> {
    let flag = Arc::new(AtomicBool::new(false));
    for signal in [
        signal_hook::consts::SIGINT,
        signal_hook::consts::SIGTERM,
        signal_hook::consts::SIGHUP,
    ] {
        signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(&flag))?;
        signal_hook::flag::register(signal, Arc::clone(&flag))?;
    }
    Ok(flag)
}
