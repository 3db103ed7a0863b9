//! A cluster, from up to down.

use std::{
    env,
    ffi::OsStr,
    path::{Path, PathBuf},
};

use crate::{
    ClusterError, Level, Missing, Options, ProcessId, State,
    binaries::Binaries,
    building::Building,
    control::{self, Addresses},
    existing,
    layout::Layout,
    lock::{self, Lock},
    node, pki, place, registry, teardown,
    wait::Cancel,
};

/// A cluster that runs. Dropping it takes it down, unless it is [kept](Cluster::keep).
#[derive(Debug)]
pub struct Cluster {
    dir: PathBuf,
    state: State,
    say: fn(&str),
    /// Whether dropping it takes it down.
    ours: bool,
    /// Held while it is brought up.
    lock: Option<Lock>,
}

/// Gets all programs that [`Cluster::up`] would get with these options, so that it need not: they may take long to build.
///
/// # Errors
/// [`ClusterError::Missing`] when this machine cannot do it, and whatever keeps a program from being built.
pub fn fetch(options: &Options) -> Result<(), ClusterError> {
    get(options).map(drop)
}

fn get(options: &Options) -> Result<(Binaries, Cancel), ClusterError> {
    if let Some(missing) = missing(options.level) {
        return Err(missing.into());
    }
    let cancel = Cancel::new(options.cancelled.clone());
    if options.level == Level::Node {
        node::packages::install(options.say, &cancel)?;
    }
    let binaries = Binaries::get(options.level, options.say, &cancel)?;
    Ok((binaries, cancel))
}

/// What this machine lacks for a cluster of that level, without changing anything. What [`Cluster::up`] can get by
/// itself does not count.
#[must_use]
pub fn missing(level: Level) -> Option<Missing> {
    let mut needs = Binaries::needs(level);
    if level == Level::Node {
        needs.extend(node::needs());
    }
    (!needs.is_empty()).then_some(Missing { needs })
}

impl Cluster {
    /// Brings one up, and waits until it is ready: the API server answers, and the default service account is there; at
    /// level node also the node is ready, names resolve, and the ingress listens.
    ///
    /// A cluster that was left behind by a crash, in this directory or by this user, is taken down before.
    ///
    /// # Errors
    /// [`ClusterError::Missing`] when this machine cannot do it; [`ClusterError::Running`], [`ClusterError::Busy`] and
    /// [`ClusterError::Held`] when another one is in the way. Whatever it is, nothing is left.
    pub fn up(options: &Options) -> Result<Self, ClusterError> {
        if options.prefer_existing
            && let Some(kubeconfig) = env::var_os("KUBECONFIG").filter(|value| !value.is_empty())
        {
            return Self::existing(&kubeconfig, options.say);
        }
        node::dns::check_domain(&options.domain)?;
        let (binaries, cancel) = get(options)?;
        sweep(options.say);

        let dir = place::absolute(&options.dir)?;
        let lock = lock::take(&dir)?;
        clear(&dir, &lock, options.say)?;
        let addresses = Addresses::choose(options.level)?;
        let layout = Layout::new(&dir);
        let state = State {
            level: options.level,
            ready: false,
            kubeconfig: layout.kubeconfig(),
            api_server: addresses.url(),
            bin_dir: Some(layout.bin()),
            node: (options.level == Level::Node).then(|| node::state(&layout, &options.domain)),
            owner: ProcessId::own(),
            processes: Vec::new(),
        };
        place::create(&dir)?;
        // From here on, dropping it takes down whatever is there.
        let mut cluster = Self {
            dir,
            state,
            say: options.say,
            ours: true,
            lock: Some(lock),
        };
        cluster.state.save(&cluster.dir)?;
        registry::add(&cluster.dir)?;
        cluster.build(options, binaries, cancel, &addresses)?;
        cluster.lock = None;
        Ok(cluster)
    }

    fn build(
        &mut self,
        options: &Options,
        binaries: Binaries,
        cancel: Cancel,
        addresses: &Addresses,
    ) -> Result<(), ClusterError> {
        let layout = Layout::new(&self.dir);
        let pki = pki::Pki::create(&layout.path("pki"))?;
        let mut building = Building {
            options,
            layout,
            binaries,
            cancel,
            state: &mut self.state,
            namespaces: crate::process::Namespaces::default(),
        };
        building.link(&["kubectl"])?;
        if options.level == Level::Node {
            node::claim(&mut building)?;
        }
        control::up(&mut building, addresses, &pki)?;
        (options.say)(&format!("the API server is ready at {}", addresses.url()));
        if options.level == Level::Node {
            node::up(&mut building, &pki)?;
        }
        control::await_default_account(&mut building)?;
        self.state.ready = true;
        self.state.save(&self.dir)
    }

    /// The cluster in `dir`, if one is up there. Dropping this leaves it up.
    ///
    /// # Errors
    /// When its state cannot be read.
    pub fn attach(dir: &Path) -> Result<Option<Self>, ClusterError> {
        let dir = place::absolute(dir)?;
        let say = Options::new(&dir, Level::Api).say;
        let state = State::load(&dir)?.filter(State::is_running);
        Ok(state.map(|state| Self {
            dir,
            state,
            say,
            ours: false,
            lock: None,
        }))
    }

    /// A cluster that somebody else brought up and takes down.
    fn existing(kubeconfig: &OsStr, say: fn(&str)) -> Result<Self, ClusterError> {
        let state = existing::state(kubeconfig)?;
        say(&format!("using the cluster at {}", state.api_server));
        Ok(Self {
            dir: PathBuf::new(),
            state,
            say,
            ours: false,
            lock: None,
        })
    }

    /// What there is of it.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The administrator's kubeconfig.
    #[must_use]
    pub fn kubeconfig(&self) -> &Path {
        &self.state.kubeconfig
    }

    /// Imports an image archive (OCI or docker) into the node, under the names that it has in there.
    ///
    /// # Errors
    /// When there is no node, or containerd refuses it.
    pub fn import_image(&self, archive: &Path) -> Result<(), ClusterError> {
        node::images::import(&self.state, archive)
    }

    /// Leaves it up when this is dropped and when this process ends, until somebody calls [`Cluster::down`].
    ///
    /// # Errors
    /// When that cannot be written down; then it is as it was.
    pub fn keep(&mut self) -> Result<(), ClusterError> {
        if self.ours {
            let owner = self.state.owner.take();
            if let Err(error) = self.state.save(&self.dir) {
                self.state.owner = owner;
                return Err(error);
            }
            self.ours = false;
        }
        Ok(())
    }

    /// Takes it down: every process, mount, interface, cgroup and file of it. One of `KUBECONFIG` is left alone.
    ///
    /// # Errors
    /// [`ClusterError::Busy`] when another process does so now; [`ClusterError::Leftovers`] when something stays.
    pub fn down(mut self) -> Result<(), ClusterError> {
        self.ours = false;
        if self.dir.as_os_str().is_empty() {
            return Ok(());
        }
        let lock = self.lock.take().map_or_else(|| lock::take(&self.dir), Ok)?;
        teardown::down(&self.dir, &lock)
    }

    /// Takes down whatever is left of a cluster in `dir`, in whatever state it is; nothing there is fine too.
    ///
    /// # Errors
    /// As [`Cluster::down`]; when the directory is no cluster's, it is not touched.
    pub fn down_in(dir: &Path) -> Result<(), ClusterError> {
        let dir = place::absolute(dir)?;
        let lock = lock::take(&dir)?;
        place::check(&dir)?;
        teardown::down(&dir, &lock)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if !self.ours {
            return;
        }
        let lock = self.lock.take().map_or_else(|| lock::take(&self.dir), Ok);
        if let Err(error) = lock.and_then(|lock| teardown::down(&self.dir, &lock)) {
            (self.say)(&error.to_string());
        }
    }
}

/// Makes the directory free, or says who has it.
fn clear(dir: &Path, lock: &Lock, say: fn(&str)) -> Result<(), ClusterError> {
    place::check(dir)?;
    match State::load(dir) {
        Ok(None) => Ok(()),
        Ok(Some(state)) if state.is_taken() => Err(ClusterError::Running { dir: dir.to_owned() }),
        Ok(Some(_)) | Err(ClusterError::State { .. }) => {
            say("taking down what a former cluster left");
            teardown::down(dir, lock)
        }
        Err(error) => Err(error),
    }
}

/// Takes down this user's clusters whose owners died.
fn sweep(say: fn(&str)) {
    for dir in registry::all() {
        let state = State::load(&dir).ok().flatten();
        if !state.as_ref().is_some_and(State::is_orphaned) {
            continue;
        }
        say(&format!(
            "taking down the cluster in {}: its owner is gone",
            dir.display()
        ));
        // It is not in the way of the new one; who comes next tries again.
        if let Err(error) = lock::take(&dir).and_then(|lock| teardown::down(&dir, &lock)) {
            say(&error.to_string());
        }
    }
}
