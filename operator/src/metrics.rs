//! What the operator counts.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use prometheus_client::{
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};

type Labels = Vec<(&'static str, String)>;

/// The operator's metrics; clones of the registered ones.
#[derive(Debug)]
pub(crate) struct Metrics {
    reconciles: Histogram,
    errors: Family<Labels, Counter>,
    watch_errors: Family<Labels, Counter>,
    writes: Family<Labels, Counter>,
    queued: Gauge,
    queue_time: Histogram,
    leader: Gauge,
    waiting: Mutex<HashMap<(String, String), Instant>>,
}

impl Metrics {
    /// Registers them.
    pub(crate) fn new(registry: &mut Registry) -> Self {
        let metrics = Self {
            reconciles: Histogram::new(exponential_buckets(0.001, 2.0, 14)),
            errors: Family::default(),
            watch_errors: Family::default(),
            writes: Family::default(),
            queued: Gauge::default(),
            queue_time: Histogram::new(exponential_buckets(0.001, 2.0, 17)),
            leader: Gauge::default(),
            waiting: Mutex::default(),
        };
        let Self {
            reconciles,
            errors,
            watch_errors,
            writes,
            queued,
            queue_time,
            leader,
            ..
        } = &metrics;
        registry.register(
            "flow_operator_reconcile_seconds",
            "Time that one look at a job took",
            reconciles.clone(),
        );
        registry.register(
            "flow_operator_problems",
            "Problems met at jobs, by reason",
            errors.clone(),
        );
        registry.register(
            "flow_operator_watch_errors",
            "Watches that failed, by kind",
            watch_errors.clone(),
        );
        registry.register(
            "flow_operator_writes",
            "Writes to the API server, by verb and kind",
            writes.clone(),
        );
        registry.register("flow_operator_queue", "Jobs that wait to be looked at", queued.clone());
        registry.register(
            "flow_operator_queue_seconds",
            "Time that jobs waited to be looked at",
            queue_time.clone(),
        );
        registry.register(
            "flow_operator_leader",
            "1 while this replica is at work",
            leader.clone(),
        );
        metrics
    }

    pub(crate) fn problem(&self, reason: &str) {
        self.errors.get_or_create(&vec![("reason", reason.to_owned())]).inc();
    }

    pub(crate) fn watch_error(&self, kind: &str) {
        self.watch_errors.get_or_create(&vec![("kind", kind.to_owned())]).inc();
    }

    pub(crate) fn write(&self, verb: &str, kind: &str) {
        let labels = vec![("verb", verb.to_owned()), ("kind", kind.to_owned())];
        self.writes.get_or_create(&labels).inc();
    }

    pub(crate) fn leads(&self, leads: bool) {
        self.leader.set(leads.into());
        self.lock().clear();
        self.queued.set(0);
    }

    /// A job is to be looked at.
    pub(crate) fn enqueued(&self, namespace: &str, name: &str) {
        let mut waiting = self.lock();
        waiting
            .entry((namespace.to_owned(), name.to_owned()))
            .or_insert_with(Instant::now);
        self.queued.set(i64::try_from(waiting.len()).unwrap_or(i64::MAX));
    }

    /// The job is looked at now.
    pub(crate) fn dequeued(&self, namespace: &str, name: &str) {
        let mut waiting = self.lock();
        if let Some(since) = waiting.remove(&(namespace.to_owned(), name.to_owned())) {
            self.queue_time.observe(since.elapsed().as_secs_f64());
        }
        self.queued.set(i64::try_from(waiting.len()).unwrap_or(i64::MAX));
    }

    pub(crate) fn reconciled(&self, took: Duration) {
        self.reconciles.observe(took.as_secs_f64());
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(String, String), Instant>> {
        // Each change is one step, so a panic elsewhere cannot have left half of one.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
