//! Which of several replicas is at work: the one that holds a Lease.
//!
//! As in client-go, every change of the Lease names the version that it is based on, so that of two that try at the same time
//! one is refused; and a Lease counts as abandoned when *this* replica has not seen it change for its duration, so that clocks
//! need not agree. (kube-lease-manager, which was looked at for this, does neither: two that find a Lease abandoned take it from
//! each other, and a leader that cannot reach the API server goes on as one.)
//!
//! A leader that has not renewed its Lease for `renew_deadline`, which is shorter than the Lease's duration, stops by itself
//! before another one begins.

use std::{
    future::Future,
    time::{Duration, Instant},
};

use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::MicroTime,
    jiff::Timestamp,
};
use kube::{Api, ResourceExt, api::PostParams, core::ObjectMeta};
use tokio_util::sync::CancellationToken;

use crate::{api_error::is, config::LeaderConfig};

/// A candidate.
pub(crate) struct Election {
    pub(crate) leases: Api<Lease>,
    pub(crate) identity: String,
    pub(crate) config: LeaderConfig,
}

/// The Lease as it was last seen, and since when it is so, by this machine's clock.
struct Seen {
    lease: Lease,
    since: Instant,
}

#[derive(Debug, thiserror::Error)]
enum Renewal {
    #[error("the API server does not answer in time")]
    Timeout,
    #[error("the lease cannot be written")]
    Api(#[source] Box<kube::Error>),
}

impl Election {
    /// Runs `lead` whenever this replica is the leader, until `end`. What `lead` returned is dropped, and so stopped, as soon as
    /// the leadership is lost.
    pub(crate) async fn run<F, L>(&self, end: &CancellationToken, standing: impl Fn(bool), lead: L)
    where
        F: Future<Output = ()>,
        L: Fn() -> F,
    {
        let mut seen = None;
        while let Some(()) = end.run_until_cancelled(self.win(&mut seen)).await {
            tracing::info!(identity = self.identity, "this replica leads");
            standing(true);
            tokio::select! {
                () = lead() => {}
                () = self.hold(&mut seen) => tracing::warn!(identity = self.identity, "this replica leads no more"),
                () = end.cancelled() => {}
            }
            standing(false);
            if end.is_cancelled() {
                self.release(&seen).await;
            }
        }
    }

    /// Waits until this replica holds the Lease.
    async fn win(&self, seen: &mut Option<Seen>) {
        loop {
            match self.acquire(seen).await {
                Ok(true) => return,
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!(
                        error = flow_daemon::error::chain(&error),
                        "cannot stand for leader, and tries again"
                    );
                }
            }
            let jitter = rand::random_range(0.9..1.1);
            tokio::time::sleep(self.config.retry_period.mul_f64(jitter)).await;
        }
    }

    /// Renews the Lease, until that has failed for too long or another replica has it.
    async fn hold(&self, seen: &mut Option<Seen>) {
        let mut renewed = Instant::now();
        loop {
            let left = self.config.renew_deadline.saturating_sub(renewed.elapsed());
            tokio::time::sleep(self.config.retry_period.min(left)).await;
            let asked = Instant::now();
            match self.acquire(seen).await {
                Ok(true) => renewed = asked,
                Ok(false) => return,
                Err(error) => tracing::warn!(error = flow_daemon::error::chain(&error), "cannot renew the leadership"),
            }
            if renewed.elapsed() >= self.config.renew_deadline {
                return;
            }
        }
    }

    /// Takes or renews the Lease; false if another replica has it.
    async fn acquire(&self, seen: &mut Option<Seen>) -> Result<bool, Renewal> {
        let attempt = tokio::time::timeout(self.config.retry_period, self.try_acquire(seen));
        attempt
            .await
            .map_err(|_| Renewal::Timeout)?
            .map_err(|error| Renewal::Api(Box::new(error)))
    }

    async fn try_acquire(&self, seen: &mut Option<Seen>) -> kube::Result<bool> {
        let Some(lease) = self.leases.get_opt(&self.config.lease).await? else {
            return self.write(seen, None).await;
        };
        let changed = |seen: &Seen| seen.lease.metadata.resource_version != lease.metadata.resource_version;
        if seen.as_ref().is_none_or(changed) {
            *seen = Some(Seen {
                lease: lease.clone(),
                since: Instant::now(),
            });
        }
        let holder = holder(&lease);
        let lasts = lease
            .spec
            .as_ref()
            .and_then(|spec| spec.lease_duration_seconds)
            .unwrap_or(0);
        let lasts = Duration::from_secs(u64::try_from(lasts).unwrap_or(0));
        let fresh = seen.as_ref().is_some_and(|seen| seen.since.elapsed() < lasts);
        if holder.is_some_and(|holder| holder != self.identity) && fresh {
            return Ok(false);
        }
        self.write(seen, Some(&lease)).await
    }

    /// Writes this replica's name into the Lease; false if another one was faster.
    async fn write(&self, seen: &mut Option<Seen>, before: Option<&Lease>) -> kube::Result<bool> {
        let now = MicroTime(Timestamp::now());
        let old = before.and_then(|lease| lease.spec.clone()).unwrap_or_default();
        let ours = old.holder_identity.as_deref() == Some(&self.identity);
        let spec = LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: i32::try_from(self.config.duration.as_secs()).ok(),
            acquire_time: if ours { old.acquire_time } else { Some(now.clone()) },
            renew_time: Some(now),
            lease_transitions: Some(old.lease_transitions.unwrap_or(0) + i32::from(!ours && before.is_some())),
            ..LeaseSpec::default()
        };
        match self.put(before, spec).await {
            Ok(lease) => {
                *seen = Some(Seen {
                    lease,
                    since: Instant::now(),
                });
                Ok(true)
            }
            Err(error) if is(&error, 409) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn put(&self, before: Option<&Lease>, spec: LeaseSpec) -> kube::Result<Lease> {
        let by_us = PostParams {
            dry_run: false,
            field_manager: Some(flow_operator_api::OPERATOR.to_owned()),
        };
        let lease = Lease {
            metadata: ObjectMeta {
                name: Some(self.config.lease.clone()),
                resource_version: before.and_then(ResourceExt::resource_version),
                ..before.map(|lease| lease.metadata.clone()).unwrap_or_default()
            },
            spec: Some(spec),
        };
        match before {
            Some(_) => self.leases.replace(&self.config.lease, &by_us, &lease).await,
            None => self.leases.create(&by_us, &lease).await,
        }
    }

    /// Lets the next one begin at once.
    async fn release(&self, seen: &Option<Seen>) {
        let Some(lease) = seen
            .as_ref()
            .map(|seen| &seen.lease)
            .filter(|lease| holder(lease) == Some(&self.identity))
        else {
            return;
        };
        let spec = LeaseSpec {
            holder_identity: None,
            lease_duration_seconds: Some(1),
            ..lease.spec.clone().unwrap_or_default()
        };
        match tokio::time::timeout(self.config.retry_period, self.put(Some(lease), spec)).await {
            Ok(Ok(_)) => tracing::info!("the leadership is given back"),
            _ => tracing::warn!("the leadership cannot be given back, and ends by itself"),
        }
    }
}

fn holder(lease: &Lease) -> Option<&str> {
    lease
        .spec
        .as_ref()?
        .holder_identity
        .as_deref()
        .filter(|holder| !holder.is_empty())
}
