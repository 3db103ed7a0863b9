//! The agent itself: keeps one worker for each assignment that is wanted, and clears away what is not.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use flow_daemon::{ambient::Ambient, error::chain};
use flow_domain::{
    AssignmentId, AssignmentSpec, Desired, PartyId,
    labels::{self, Labels},
    queue::Capacity,
};
use flow_launcher::{Key, LaunchError, Launcher};
use tokio::sync::{Semaphore, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    assets::Launchers,
    board::Board,
    config::AgentConfig,
    error::AgentError,
    journal::Journal,
    leftovers::Leftovers,
    link::Questions,
    plan::Household,
    probe::Probe,
    worker::{Wanted, Worker},
};

/// How long is waited between two tries to list what is here.
const SWEEP: Duration = Duration::from_secs(2);

/// What the workers share.
pub(crate) struct Shared {
    pub(crate) launcher: Arc<dyn Launcher>,
    pub(crate) household: Household,
    pub(crate) board: Board,
    pub(crate) probe: Probe,
    pub(crate) slots: Arc<Semaphore>,
    pub(crate) leftovers: Leftovers,
    pub(crate) orphan_grace: Duration,
    pub(crate) ambient: Ambient,
    pub(crate) journal: Journal,
    pub(crate) questions: Questions,
}

impl Shared {
    /// An assignment has ended for good: its files stay for a while, and the oldest go.
    pub(crate) async fn retire(&self, id: AssignmentId) {
        for id in self.journal.cleared(id) {
            let Ok(key) = key(id) else { continue };
            match self.launcher.purge(&key).await {
                Ok(()) => self.journal.purged(id),
                Err(error) => {
                    tracing::warn!(assignment = %id, error = %chain(&error), "cannot remove an old assignment's files");
                }
            }
        }
    }
}

/// A party's agent. Cheap to clone.
#[derive(Clone)]
pub struct Agent {
    pub(crate) party: PartyId,
    /// Drawn at every start.
    pub(crate) instance: String,
    pub(crate) shared: Arc<Shared>,
    workers: Arc<Mutex<BTreeMap<AssignmentId, watch::Sender<Wanted>>>>,
    tracker: TaskTracker,
    end: CancellationToken,
}

/// What the server wants of one assignment.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    pub(crate) id: AssignmentId,
    pub(crate) generation: u64,
    pub(crate) desired: Desired,
    pub(crate) spec: AssignmentSpec,
}

/// The name of an assignment's job.
pub(crate) fn key(id: AssignmentId) -> Result<Key, LaunchError> {
    Key::new(id.to_string())
}

impl Agent {
    /// An agent with its files under `data`, ending when `end` is cancelled. Nothing runs until it is attached. What is asked of it
    /// goes into its journal, which is closed when it has [`drained`](Self::drained).
    ///
    /// # Errors
    /// If a label of the party is none, or its folder, launcher or HTTP client cannot be used.
    pub fn new(
        party: PartyId,
        config: AgentConfig,
        data: &Path,
        launcher: Arc<dyn Launcher>,
        journal: Journal,
        ambient: Ambient,
        end: CancellationToken,
    ) -> Result<Self, AgentError> {
        if let Some(problem) = labels::problem(&config.labels) {
            return Err(AgentError::Labels(problem));
        }
        flow_daemon::tls::install_crypto();
        let folder = |source| AgentError::DataFolder {
            path: data.to_owned(),
            source,
        };
        std::fs::create_dir_all(data).map_err(folder)?;
        let launchers = Launchers::install(&data.join("launchers")).map_err(folder)?;
        let keep = if config.kubernetes.enabled {
            config.kubernetes.keep
        } else {
            config.process.keep
        };
        journal.retain(keep);
        let instance = ambient.chance.id().to_string();
        let shared = Shared {
            launcher,
            slots: Arc::new(Semaphore::new(config.policy.max_assignments)),
            leftovers: Leftovers::default(),
            household: Household { config, launchers },
            board: Board::new(journal.clone()),
            probe: Probe::new().map_err(AgentError::Probe)?,
            orphan_grace: Duration::from_secs(10),
            ambient,
            journal,
            questions: Questions::default(),
        };
        Ok(Self {
            party,
            instance,
            shared: Arc::new(shared),
            workers: Arc::default(),
            tracker: TaskTracker::new(),
            end,
        })
    }

    /// The names of the party's data sets.
    pub(crate) fn datasets(&self) -> Vec<String> {
        self.shared.household.config.datasets.keys().cloned().collect()
    }

    /// What the party offers to all runs together.
    pub(crate) fn capacity(&self) -> Capacity {
        self.shared.household.config.capacity
    }

    /// What the party says of itself.
    pub(crate) fn labels(&self) -> Labels {
        self.shared.household.config.labels.clone()
    }

    /// The site whose machines it shares with other parties; none if empty.
    pub(crate) fn site(&self) -> &str {
        &self.shared.household.config.site
    }

    /// The whole desired set: everything else that is here is cleared away.
    pub(crate) fn everything(&self, orders: Vec<Order>) {
        let wanted: BTreeSet<AssignmentId> = orders.iter().map(|order| order.id).collect();
        let mut stale: BTreeSet<AssignmentId> = self.lock().keys().copied().collect();
        stale.retain(|id| !wanted.contains(id));
        // First what has to end: what is new waits for it.
        self.gone(stale);
        for order in orders {
            self.order(order);
        }
        let agent = self.clone();
        self.tracker.spawn(async move {
            tokio::select! {
                () = agent.sweep() => {}
                () = agent.end.cancelled() => {}
            }
        });
    }

    /// What is here and no worker looks after is not wanted. Tried again until the launcher says what is here.
    async fn sweep(&self) {
        loop {
            match self.shared.launcher.list().await {
                Ok(keys) => {
                    let here = keys.iter().filter_map(|key| key.as_str().parse::<AssignmentId>().ok());
                    let orphans: Vec<AssignmentId> = {
                        let workers = self.lock();
                        let orphans: Vec<_> = here.filter(|id| !workers.contains_key(id)).collect();
                        // Under the lock, so that nobody is missed who is given meanwhile.
                        let looked_after = workers.keys().chain(&orphans).copied();
                        self.shared.journal.only(looked_after.collect());
                        orphans
                    };
                    self.gone(orphans);
                    return self.shared.leftovers.looked();
                }
                Err(error) => tracing::warn!(error = %chain(&error), "cannot list what is here yet; trying again"),
            }
            tokio::time::sleep(SWEEP).await;
        }
    }

    /// One assignment is wanted thus.
    pub(crate) fn order(&self, order: Order) {
        let wanted = Wanted::Thus {
            generation: order.generation,
            desired: order.desired,
            spec: Arc::new(order.spec),
        };
        self.want(order.id, wanted);
    }

    /// These are not wanted any more.
    pub(crate) fn gone(&self, ids: impl IntoIterator<Item = AssignmentId>) {
        for id in ids {
            self.want(id, Wanted::Gone);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<AssignmentId, watch::Sender<Wanted>>> {
        // Every change under this lock is complete in itself.
        self.workers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn want(&self, id: AssignmentId, wanted: Wanted) {
        let mut workers = self.lock();
        self.note(id, workers.get(&id), &wanted);
        match &wanted {
            Wanted::Gone if !self.shared.board.is_over(id) => self.shared.leftovers.add(id),
            _ => self.shared.leftovers.remove(id),
        }
        if let Some(worker) = workers.get(&id)
            && worker.send(wanted.clone()).is_ok()
        {
            return;
        }
        let Ok(key) = key(id) else { return };
        let (sender, mut receiver) = watch::channel(wanted);
        workers.insert(id, sender);
        drop(workers);
        let mut worker = Worker::new(self.shared.clone(), id, key);
        let agent = self.clone();
        self.tracker.spawn(async move {
            loop {
                worker.run(&mut receiver, &agent.end).await;
                if agent.forget(id, &receiver) {
                    return;
                }
            }
        });
    }

    /// What is wanted goes into the journal, where it is news.
    fn note(&self, id: AssignmentId, before: Option<&watch::Sender<Wanted>>, wanted: &Wanted) {
        let is_known = before.is_some_and(|before| before.borrow().is_same(wanted));
        match wanted {
            _ if is_known => {}
            Wanted::Gone => self.shared.journal.unwanted(id),
            Wanted::Thus {
                generation,
                desired,
                spec,
            } => self.shared.journal.wanted(id, *generation, *desired, spec),
        }
    }

    /// A worker came to its end: false if it was given new work in that moment. Work is given under the same lock.
    fn forget(&self, id: AssignmentId, wanted: &watch::Receiver<Wanted>) -> bool {
        let mut workers = self.lock();
        if !self.end.is_cancelled() && wanted.has_changed().unwrap_or(false) {
            return false;
        }
        workers.remove(&id);
        true
    }

    /// Waits for the workers to end, once `end` is cancelled, and for the journal to be written. Jobs run on.
    pub async fn drained(&self) {
        self.tracker.close();
        self.tracker.wait().await;
        self.shared.journal.close().await;
    }
}
