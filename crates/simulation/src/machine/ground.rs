//! All machines: which jobs are on them. It is what is really there, whatever server and agents believe.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use flow_launcher::{Identity, Key, Launch, LaunchError, Observed, Prepare, Prepared};

use super::{
    job::{End, Job, Past, Started, Stop},
    life::Attempt,
    script::{Script, Temper},
};
use crate::{check::Judge, time::Moment};

/// A party and the key of a job there.
type At = (String, String);

/// The machines of all parties.
#[derive(Debug)]
pub(crate) struct Ground {
    seed: u64,
    judge: Arc<Judge>,
    /// By the name of the task; jobs of others are rough.
    tempers: BTreeMap<String, Temper>,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    jobs: BTreeMap<At, Job>,
    ports: u16,
}

/// A job whose process runs, or is on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LiveJob {
    /// Where.
    pub(crate) party: String,
    /// Its key: the assignment's id.
    pub(crate) key: String,
    /// What it is in its run.
    pub(crate) identity: Identity,
}

impl Inner {
    /// What is on a machine.
    fn find(&self, party: &str, key: &Key) -> Option<&Job> {
        let job = self.jobs.get(&(party.to_owned(), key.to_string()));
        job.filter(|job| !job.purged)
    }

    fn find_mut(&mut self, party: &str, key: &Key) -> Option<&mut Job> {
        let job = self.jobs.get_mut(&(party.to_owned(), key.to_string()));
        job.filter(|job| !job.purged)
    }

    fn attempt(&self, of: &Identity) -> Attempt<'_> {
        let same = |job: &&Job| job.identity.run == of.run && job.identity.attempt == of.attempt;
        Attempt(self.jobs.values().filter(same).collect())
    }

    fn is_live(&self, job: &Job, now: Moment) -> bool {
        job.started.is_some() && self.attempt(&job.identity).end(job).is_none_or(|(at, _)| at > now)
    }

    /// Writes down what has ended by now: nothing that happens later changes it.
    fn settle(&mut self, now: Moment) {
        let over = |job: &Job| {
            let attempt = self.attempt(&job.identity);
            let (at, how) = attempt.end(job).filter(|(at, _)| *at <= now)?;
            let log = attempt.log(job, now);
            Some(Past { at, how, log })
        };
        let live = self
            .jobs
            .iter()
            .filter(|(_, job)| job.started.is_some() && job.past.is_none());
        let over: Vec<(At, Past)> = live.filter_map(|(at, job)| Some((at.clone(), over(job)?))).collect();
        for (at, past) in over {
            if let Some(job) = self.jobs.get_mut(&at) {
                job.past = Some(past);
            }
        }
    }

    fn live(&self, now: Moment) -> Vec<LiveJob> {
        let live = self.jobs.iter().filter(|(_, job)| self.is_live(job, now));
        live.map(|((party, key), job)| LiveJob {
            party: party.clone(),
            key: key.clone(),
            identity: job.identity.clone(),
        })
        .collect()
    }
}

impl Ground {
    /// Machines without any job.
    #[must_use]
    pub(crate) fn new(seed: u64, tempers: BTreeMap<String, Temper>, judge: Arc<Judge>) -> Self {
        Self {
            seed,
            judge,
            tempers,
            inner: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For a change at that moment.
    fn lock_at(&self, now: Moment) -> MutexGuard<'_, Inner> {
        let mut inner = self.lock();
        inner.settle(now);
        inner
    }

    /// All jobs whose process runs, or is on its way.
    #[must_use]
    pub(crate) fn live(&self, now: Moment) -> Vec<LiveJob> {
        self.lock().live(now)
    }

    /// A party's machine goes down and comes back: what ran there is lost.
    pub(crate) fn reboot(&self, party: &str, now: Moment) {
        let mut inner = self.lock_at(now);
        let live: Vec<LiveJob> = inner.live(now);
        for job in live.into_iter().filter(|job| job.party == party) {
            if let Some(job) = inner.jobs.get_mut(&(job.party, job.key)) {
                job.killed = Some(now);
            }
        }
    }

    pub(super) fn prepare(&self, party: &str, key: &Key, prepare: &Prepare) -> Result<Prepared, LaunchError> {
        prepare.validate()?;
        let mut inner = self.lock();
        let at = (party.to_owned(), key.to_string());
        if let Some(job) = inner.find(party, key) {
            return match job {
                job if job.released => Err(LaunchError::Released { key: key.to_string() }),
                job if job.ports != prepare.ports => Err(LaunchError::PrepareConflict { key: key.to_string() }),
                job => Ok(job.prepared.clone()),
            };
        }
        let mut number = || {
            inner.ports = inner.ports % 20_000 + 1;
            10_000 + inner.ports
        };
        let ports = prepare.ports.iter().map(|name| (name.clone(), number())).collect();
        let prepared = Prepared {
            host: format!("{party}.example"),
            ports,
            listen: BTreeMap::new(),
            tls: false,
            dir: format!("/jobs/{key}").into(),
        };
        let attempt = format!("{} {}", prepare.identity.run, prepare.identity.attempt);
        let temper = self.tempers.get(&prepare.identity.task).copied();
        let job = Job {
            identity: prepare.identity.clone(),
            ports: prepare.ports.clone(),
            prepared: prepared.clone(),
            script: Script::draw(self.seed, key.as_str(), &attempt, temper.unwrap_or(Temper::Rough)),
            started: None,
            stop: None,
            killed: None,
            released: false,
            purged: false,
            past: None,
        };
        inner.jobs.insert(at, job);
        Ok(prepared)
    }

    pub(super) fn start(&self, party: &str, key: &Key, launch: &Launch, now: Moment) -> Result<(), LaunchError> {
        launch.validate()?;
        let mut inner = self.lock_at(now);
        let Some(job) = inner.find_mut(party, key) else {
            return Err(LaunchError::NotPrepared { key: key.to_string() });
        };
        if job.started.is_some() {
            return Ok(());
        }
        if job.released {
            return Err(LaunchError::Released { key: key.to_string() });
        }
        if job.stop.is_some() {
            return Err(LaunchError::AlreadyStopped { key: key.to_string() });
        }
        let ends_with_parties = job.identity.aggregator && !job.ports.iter().any(|name| name == "http");
        let number = launch.argv.last().and_then(|last| last.parse().ok());
        job.started = Some(Started {
            at: now,
            waits_for: number.filter(|_| ends_with_parties),
        });
        let started = LiveJob {
            party: party.to_owned(),
            key: key.to_string(),
            identity: job.identity.clone(),
        };
        let live = inner.live(now);
        drop(inner);
        self.judge.job_started(now, &started, &live);
        Ok(())
    }

    /// What is there; `wall` says what the machine's own clock shows at a moment.
    pub(super) fn observe(&self, party: &str, key: &Key, now: Moment, wall: impl Fn(Moment) -> i64) -> Observed {
        let inner = self.lock();
        let Some(job) = inner.find(party, key) else {
            return Observed::Absent;
        };
        let Some(started) = &job.started else {
            return match job.stop {
                Some(stop) => Observed::Exited(End::Stopped.exit(wall(stop.at), wall(stop.at))),
                None if job.released => Observed::Absent,
                None => Observed::Prepared(job.prepared.clone()),
            };
        };
        let up = started.at.plus(job.script.waits);
        match inner.attempt(&job.identity).end(job).filter(|(at, _)| *at <= now) {
            Some((_, End::Lost)) => Observed::Lost {
                message: "the supervisor was killed, and the job with it".to_owned(),
            },
            Some((at, how)) => Observed::Exited(how.exit(wall(up.min(at)), wall(at))),
            None if now < up => Observed::Waiting {
                reason: "ContainerCreating".to_owned(),
                message: "the image is on its way".to_owned(),
            },
            None => Observed::Running { since: wall(up) },
        }
    }

    pub(super) fn stop(&self, party: &str, key: &Key, grace: Duration, now: Moment) {
        let mut inner = self.lock_at(now);
        let Some(job) = inner.find_mut(party, key) else {
            return;
        };
        let kill = now.plus(u64::try_from(grace.as_millis()).unwrap_or(u64::MAX));
        match &mut job.stop {
            Some(stop) => stop.kill = stop.kill.min(kill),
            None if job.released => {}
            None => job.stop = Some(Stop { at: now, kill }),
        }
    }

    pub(super) fn list(&self, party: &str) -> Vec<String> {
        let inner = self.lock();
        let here = inner.jobs.iter().filter(|((at, _), job)| at == party && !job.purged);
        here.map(|((_, key), _)| key.clone()).collect()
    }

    pub(super) fn release(&self, party: &str, key: &Key, now: Moment) -> Result<(), LaunchError> {
        let mut inner = self.lock_at(now);
        let Some(job) = inner.find(party, key) else {
            return Ok(());
        };
        if inner.is_live(job, now) {
            return Err(LaunchError::StillRunning { key: key.to_string() });
        }
        if let Some(job) = inner.find_mut(party, key) {
            job.released = true;
        }
        Ok(())
    }

    pub(super) fn purge(&self, party: &str, key: &Key, now: Moment) -> Result<(), LaunchError> {
        let mut inner = self.lock_at(now);
        match inner.find_mut(party, key) {
            Some(job) if !job.released => Err(LaunchError::NotReleased { key: key.to_string() }),
            Some(job) => {
                job.purged = true;
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// What a job has written by now, and whether it will write more.
    pub(super) fn log(&self, party: &str, key: &Key, now: Moment) -> (Vec<(Moment, String)>, bool) {
        let inner = self.lock();
        let Some(job) = inner.find(party, key) else {
            return (Vec::new(), false);
        };
        (
            inner.attempt(&job.identity).log(job, now),
            inner.is_live(job, now) || (job.started.is_none() && job.stop.is_none() && !job.released),
        )
    }

    /// Whether a job is up and ready.
    pub(super) fn is_ready(&self, party: &str, key: &Key, now: Moment) -> bool {
        let inner = self.lock();
        let job = inner.find(party, key);
        job.is_some_and(|job| job.ready().is_some_and(|at| at <= now) && inner.is_live(job, now))
    }

    /// The status page of a job, if it is up and ready.
    pub(super) fn page(&self, party: &str, key: &Key, now: Moment) -> Option<Vec<u8>> {
        let ready = self.is_ready(party, key, now);
        let inner = self.lock();
        let job = inner.find(party, key)?;
        ready.then(|| inner.attempt(&job.identity).page(now).to_string().into_bytes())
    }
}
