//! What is done about one job, on one page: dereference, validate, decide, build, apply, update status.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use flow_operator_api::{ConditionType, IflearnerJob, IflearnerJobStatus, JobReason};
use k8s_openapi::jiff::Timestamp;
use kube::{
    Api, Resource, ResourceExt,
    api::{Patch, PatchParams},
    core::error_boundary::InvalidObject,
    runtime::controller::Action,
};
use serde_json::json;

use crate::{
    api_error::{Problem, clip, is},
    apply::Applier,
    build,
    caches::Stored,
    events::{Events, of_change},
    failpoint,
    lifecycle::{self, Outcome, Verdict, View},
    status,
    validate::{self, Invalid},
};

/// The pause after a problem; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// The longest pause after problems.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// Why a look at a job did not come to its end. It is tried again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The API server does not answer, or not as it should.
    #[error("{}", .0.message)]
    Read(Problem),
    /// The job's status cannot be written.
    #[error("cannot write the status of {0}")]
    Status(String, #[source] Box<kube::Error>),
    /// The job cannot be deleted.
    #[error("cannot delete {0}, whose time to live is over")]
    Expire(String, #[source] Box<kube::Error>),
}

/// What a look at a job needs.
pub(crate) struct Context {
    pub(crate) applier: Applier,
    pub(crate) events: Events,
    /// How often in a row there were problems with a job.
    pub(crate) problems: Mutex<HashMap<String, u32>>,
}

/// Looks at a job, and makes the cluster as the job wants it.
pub(crate) async fn reconcile(stored: Arc<Stored>, context: Arc<Context>) -> Result<Action, Failure> {
    let began = Instant::now();
    let metrics = &context.applier.metrics;
    metrics.dequeued(&stored.namespace().unwrap_or_default(), &stored.name_any());
    let done = match &stored.0 {
        Ok(job) => context.job(job).await,
        Err(unreadable) => context.unreadable(unreadable).await,
    };
    metrics.reconciled(began.elapsed());
    done
}

/// When a job is looked at again after a failure.
pub(crate) fn retry(stored: &Arc<Stored>, failure: &Failure, context: &Arc<Context>) -> Action {
    if let Failure::Status(_, error) = failure
        && is(error, 409)
    {
        // The job has changed since; its event is here, or soon will be.
        return Action::requeue(Duration::from_millis(200));
    }
    let (job, namespace) = (stored.name_any(), stored.namespace().unwrap_or_default());
    tracing::warn!(
        job,
        namespace,
        error = flow_daemon::error::chain(failure),
        "a job cannot be looked after, and is tried again"
    );
    context.applier.metrics.problem("Failure");
    context.pause(&stored.uid().unwrap_or_default())
}

impl Context {
    async fn job(&self, job: &IflearnerJob) -> Result<Action, Failure> {
        let uid = job.uid().unwrap_or_default();
        // A job that is being deleted takes all that belongs to it along, by the owner references.
        if job.meta().deletion_timestamp.is_some() {
            self.applier.recent.gone(&uid);
            return Ok(Action::await_change());
        }
        if self.applier.recent.is_behind(&uid, job.resource_version().as_deref()) {
            return Ok(Action::await_change());
        }
        failpoint::hit("start");
        let now = Timestamp::now();
        let found = self.dereference(job, now).await?;
        let view = View {
            job,
            pods: &found.pods,
            mount: found.mount.as_deref(),
            now,
        };
        let newest = found.pods.last().map(|(_, pod)| &**pod);
        let valid = validate::job(job).and_then(|()| validate::unchanged(job, newest));
        let verdict = decide(&view, valid.as_ref().err());
        let settled = verdict.outcome == Outcome::Settled;
        let network = (valid.is_ok() && !settled).then(|| build::network(job, &self.applier.config));
        let applied = self.applier.apply(job, &verdict, network.as_ref()).await;
        if verdict.action == lifecycle::Action::Expire {
            let expired = self.applier.expire(job).await;
            expired.map_err(|error| Failure::Expire(job.name_any(), Box::new(error)))?;
        }
        let status = status::fold(&view, valid.as_ref().err(), &verdict.outcome, &applied);
        self.update_status(job, &status).await?;
        if !applied.problems.is_empty() {
            return Ok(self.pause(&uid));
        }
        self.forget_problems(&uid);
        Ok(wake(&verdict, now))
    }

    async fn update_status(&self, job: &IflearnerJob, status: &IflearnerJobStatus) -> Result<(), Failure> {
        failpoint::hit("before-status");
        let Some(patch) = status::patch(job.status.as_ref(), status, job.resource_version().as_deref()) else {
            return Ok(());
        };
        self.write_status(job, patch).await?;
        failpoint::hit("after-status");
        if let Some(note) = of_change(job.status.as_ref(), status) {
            self.events.tell(note, job.object_ref(&()));
        }
        let was = job.status.as_ref().is_some_and(IflearnerJobStatus::is_final);
        if status.is_final() && !was {
            let (name, namespace) = (job.name_any(), job.namespace());
            let ended = status.condition(ConditionType::Complete).is_some();
            tracing::info!(
                job = name,
                namespace,
                succeeded = ended,
                reason = status.reason,
                "a job has ended"
            );
        }
        Ok(())
    }

    async fn write_status(&self, object: &impl Resource, patch: serde_json::Value) -> Result<(), Failure> {
        let jobs: Api<Stored> = Api::namespaced(self.applier.client.clone(), &object.namespace().unwrap_or_default());
        let name = object.name_any();
        self.applier.metrics.write("status", "IflearnerJob");
        let parameters = PatchParams {
            field_manager: Some(flow_operator_api::OPERATOR.to_owned()),
            ..PatchParams::default()
        };
        match jobs.patch_status(&name, &parameters, &Patch::Merge(patch)).await {
            Ok(written) => {
                let uid = object.uid().unwrap_or_default();
                self.applier.recent.wrote(&uid, written.resource_version().as_deref());
                Ok(())
            }
            // It was deleted in the meantime.
            Err(error) if is(&error, 404) => Ok(()),
            Err(error) => Err(Failure::Status(name, Box::new(error))),
        }
    }

    /// What was stored is no job: its status says so, and nothing else is touched.
    async fn unreadable(&self, object: &InvalidObject) -> Result<Action, Failure> {
        let stored: Stored = kube::core::DeserializeGuard(Err(object.clone()));
        if stored.meta().deletion_timestamp.is_some() {
            return Ok(Action::await_change());
        }
        let message = clip(&Invalid::Unreadable(object.error.clone()).to_string());
        // Written without the former status, which cannot be read. The same again changes nothing, and so makes no event.
        let patch = json!({ "status": {
            "phase": "Pending",
            "reason": JobReason::InvalidSpec.as_str(),
            "message": message,
            "observedGeneration": object.metadata.generation,
        } });
        self.write_status(&stored, patch).await?;
        Ok(Action::await_change())
    }

    fn pause(&self, uid: &str) -> Action {
        let mut problems = self.problems.lock().unwrap_or_else(PoisonError::into_inner);
        let count = problems.entry(uid.to_owned()).or_insert(0);
        *count = count.saturating_add(1);
        let pause = FIRST_PAUSE.saturating_mul(1 << (*count - 1).min(16)).min(LONGEST_PAUSE);
        Action::requeue(pause.mul_f64(rand::random_range(0.8..1.2)))
    }

    fn forget_problems(&self, uid: &str) {
        let mut problems = self.problems.lock().unwrap_or_else(PoisonError::into_inner);
        if !problems.is_empty() {
            problems.remove(uid);
        }
    }
}

/// What to do about a job that may not be valid: its pod runs on, and nothing is made.
fn decide(view: &View<'_>, invalid: Option<&Invalid>) -> Verdict {
    let verdict = lifecycle::next(view);
    match invalid {
        Some(invalid) if invalid.is_final() && verdict.outcome != Outcome::Settled => {
            Verdict::ended(status::Finding::new(JobReason::InvalidSpec, invalid.to_string()))
        }
        Some(_) if matches!(verdict.action, lifecycle::Action::Create(_)) => Verdict {
            action: lifecycle::Action::Nothing,
            ..verdict
        },
        _ => verdict,
    }
}

fn wake(verdict: &Verdict, now: Timestamp) -> Action {
    match verdict.wake {
        None => Action::await_change(),
        Some(time) => {
            let pause = Duration::try_from(time.duration_since(now)).unwrap_or_default();
            // Not before the second has passed that the times in the status are rounded to.
            Action::requeue(pause.max(Duration::from_millis(50)))
        }
    }
}
