//! A server's way to the database: slow, away, or losing its answers, as things are.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use flow_server::store::{
    StoreError,
    memory::{Call, Wire, away},
};
use rand::{Rng, SeedableRng, rngs::StdRng};

use crate::gate::Gate;

/// The present state of a way.
#[derive(Debug)]
pub(crate) struct Disk(Mutex<Inner>);

#[derive(Debug)]
struct Inner {
    dice: StdRng,
    slowest: u64,
    away: f64,
    silent: f64,
}

impl Disk {
    pub(super) fn fast(seed: u64) -> Self {
        Self(Mutex::new(Inner {
            dice: StdRng::seed_from_u64(seed),
            slowest: 0,
            away: 0.0,
            silent: 0.0,
        }))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A call takes up to so many milliseconds each way from now on, fails with one probability, and loses its answer with another.
    pub(super) fn set(&self, slowest: u64, away: f64, silent: f64) {
        let mut inner = self.lock();
        (inner.slowest, inner.away, inner.silent) = (slowest, away, silent);
    }

    fn toll(&self) -> (u64, bool, bool) {
        let mut inner = self.lock();
        let Inner {
            dice,
            slowest,
            away,
            silent,
        } = &mut *inner;
        let takes = if *slowest == 0 {
            0
        } else {
            dice.random_range(0..*slowest)
        };
        let (away, silent) = (*away, *silent);
        (
            takes,
            away > 0.0 && dice.random_bool(away),
            silent > 0.0 && dice.random_bool(silent),
        )
    }
}

/// The way of one life of a server.
pub(super) struct ThroughDisk {
    pub(super) disk: Arc<Disk>,
    pub(super) gate: Arc<Gate>,
}

impl ThroughDisk {
    async fn cross(&self, is_lost: impl FnOnce(bool, bool) -> bool) -> Result<(), StoreError> {
        self.gate.pass().await;
        let (takes, away_now, silent) = self.disk.toll();
        if takes > 0 {
            tokio::time::sleep(Duration::from_millis(takes)).await;
            self.gate.pass().await;
        }
        match is_lost(away_now, silent) {
            true => Err(away("the simulated database does not answer")),
            false => Ok(()),
        }
    }
}

#[async_trait]
impl Wire for ThroughDisk {
    async fn before(&self, _call: Call) -> Result<(), StoreError> {
        self.cross(|away, _| away).await
    }

    async fn after(&self, _call: Call) -> Result<(), StoreError> {
        self.cross(|_, silent| silent).await
    }
}
