//! Applies what happens to gangs: every change is planned to its end and stored in one transaction.

mod reports;
mod step;
mod turns;

use std::{collections::BTreeSet, sync::Arc};

use flow_daemon::ambient::Ambient;
use flow_domain::{
    PartyId, RunId, Timestamp,
    approval::Judgement,
    gang::{self, Event, Gang, Planned, Undecidable},
    party::Parties,
    queue::Decision,
    reason::Reason,
    run::Run,
};
use tokio::sync::broadcast;

use self::{step::step, turns::Turns};
use crate::{
    clock,
    config::SchedulingConfig,
    hub::Hub,
    replica::{Leases, PLANNER},
    scheduler::Scheduler,
    store::{Claim, Created, Loaded, Store, StoreError, parties_to_tell, shared::Fence, wants_queue},
};

/// How many changes of runs a slow listener may be behind before it has to read anew.
const CHANGES: usize = 1024;

/// Of how many runs one pass of the queue says what else they wait for; the next one goes on with it. When a server or many parties come
/// back that changes for the whole queue, and whoever may begin is not to wait until all the others know.
const TOLD: usize = 256;

/// Where every change of a run goes through.
#[derive(Debug)]
pub struct Engine {
    store: Store,
    hub: Arc<Hub>,
    changes: broadcast::Sender<RunId>,
    queue: Scheduler,
    leases: Arc<Leases>,
    turns: Turns,
    ambient: Ambient,
}

/// Why a change was not made.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The store did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The planner broke a rule: a fault of the platform.
    #[error("the planner broke a rule")]
    Plan(#[from] gang::PlanError),
    /// It cannot be approved or rejected.
    #[error(transparent)]
    Undecidable(#[from] Undecidable),
    /// The run is over.
    #[error("run {id} is {state} already: nothing is left to cancel")]
    Over {
        /// The run.
        id: RunId,
        /// Its state.
        state: flow_domain::RunState,
    },
}

impl EngineError {
    /// Whether the database is away, and the same may work later.
    pub(crate) fn is_away(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_away())
    }
}

impl Engine {
    /// An engine over a store and the attached agents.
    pub(crate) fn new(
        store: Store,
        hub: Arc<Hub>,
        scheduling: SchedulingConfig,
        leases: Arc<Leases>,
        ambient: Ambient,
    ) -> Self {
        Self {
            queue: Scheduler::new(scheduling),
            store,
            hub,
            changes: broadcast::channel(CHANGES).0,
            leases,
            turns: Turns::new(),
            ambient,
        }
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        clock::now(&self.ambient.clock)
    }

    /// The factor of a pause that is not to be everybody's.
    pub(crate) fn jitter(&self) -> f64 {
        self.ambient.chance.jitter()
    }

    /// Ids of runs as they change.
    pub fn changes(&self) -> broadcast::Receiver<RunId> {
        self.changes.subscribe()
    }

    /// Accepts a run and plans it.
    ///
    /// # Errors
    /// If the store does not do it.
    pub async fn submit(&self, run: &Run, claim: Option<&Claim>) -> Result<Created, EngineError> {
        let event = Event {
            at: run.created_at,
            assignment: None,
            state: run.state.to_string(),
            reason: run.reason,
            message: run.message.clone(),
        };
        let created = self.store.insert_run(run, &event, claim).await?;
        if created == Created::New {
            tracing::info!(run = %run.id, task = %run.task_name, "run accepted");
            self.schedule().await?;
        }
        Ok(created)
    }

    /// Lets those runs begin for which there is room, and says of the others what they wait for. Whoever asks for it while it is
    /// under way shares the next one with all who do. Among several servers one does that; the others only learn everyone's place.
    ///
    /// # Errors
    /// If the store does not do it.
    pub async fn schedule(&self) -> Result<(), EngineError> {
        let Some(pass) = self.queue.pass().await else {
            return Ok(());
        };
        let queue = self.store.queue().await?;
        let steps = pass.decide(queue, self.hub.places(), self.now());
        let Some(hold) = self.leases.hold(PLANNER) else {
            return Ok(());
        };
        let (admitted, waiting): (Vec<_>, Vec<_>) = steps
            .into_iter()
            .partition(|step| matches!(step.decision, Decision::Admit(_)));
        let mut told = 0;
        for step in admitted.into_iter().chain(waiting) {
            if told == TOLD {
                self.queue.want();
                return Ok(());
            }
            let carry_out = |gang: &Gang, parties: &Parties, now| match &step.decision {
                Decision::Admit(how) => Ok(gang::admit(gang, &how.chosen, parties, now)?),
                Decision::Wait { reason, message } => Ok(gang::wait(gang, parties, *reason, message, now)),
            };
            let changed = self.change_with(step.run, hold.fence.as_ref(), carry_out).await;
            told += usize::from(changed.is_ok() && matches!(step.decision, Decision::Wait { .. }));
            if let Err(error) = changed {
                tracing::error!(run = %step.run, error = %flow_daemon::error::chain(&error), "cannot carry out the queue's decision");
                if matches!(error, EngineError::Store(StoreError::TakenOver(_))) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Resolves when there is something for the queue to decide.
    pub(crate) async fn wants_scheduling(&self) {
        self.queue.wanted().await;
    }

    /// Whether this server is the one that plans.
    pub(crate) fn plans(&self) -> bool {
        self.leases.hold(PLANNER).is_some()
    }

    /// Another server has changed a run.
    pub(crate) fn heard(&self, run: RunId, parties: &BTreeSet<PartyId>, queue: bool) {
        for party in parties {
            self.hub.tell(party, run, None);
        }
        if queue {
            self.queue.want();
        }
        // Nobody listening is no error.
        let _ = self.changes.send(run);
    }

    /// The place of a run among those that wait, from 1; `None` if it does not.
    pub fn place(&self, id: RunId) -> Option<usize> {
        self.queue.place(id)
    }

    /// Plans a run, as time has passed or a party has come or gone.
    ///
    /// # Errors
    /// If the store does not do it.
    pub async fn replan(&self, id: RunId) -> Result<(), EngineError> {
        // Most looks change nothing, and need no transaction for that.
        let Some(loaded) = self.store.gang(id).await? else {
            return Ok(());
        };
        let (now, parties) = (self.now(), self.hub.parties());
        match step(&loaded, None, &parties, now)? {
            Some(_) => self.change(id, |_, _| Ok(None)).await.map(drop),
            None => Ok(()),
        }
    }

    /// Asks for the end of a run; `None` if there is no such run.
    ///
    /// # Errors
    /// If the run is over, or the store does not do it.
    pub async fn cancel(&self, id: RunId) -> Result<Option<Gang>, EngineError> {
        self.change(id, |gang, now| {
            let run = &gang.run;
            if run.state.is_terminal() && !run.cancel_requested {
                return Err(EngineError::Over { id, state: run.state });
            }
            if run.cancel_requested {
                return Ok(None);
            }
            let mut gang = gang.clone();
            gang.run.cancel_requested = true;
            let event = Event {
                at: now,
                assignment: None,
                state: gang.run.state.to_string(),
                reason: Reason::CancelledByUser,
                message: "a user asked to cancel it".to_owned(),
            };
            Ok(Some(Planned {
                gang,
                events: vec![event],
            }))
        })
        .await
    }

    /// Approves a run that asks for it (`granted`), or rejects it; `None` if there is no such run.
    ///
    /// # Errors
    /// If it does not ask for approval, the opposite was decided, it is over, or the store does not do it.
    pub async fn judge(&self, id: RunId, granted: bool, judgement: &Judgement) -> Result<Option<Gang>, EngineError> {
        let judge = |gang: &Gang, now| Ok(gang::judge(gang, granted, judgement, now)?);
        let judged = self.change(id, judge).await?;
        if granted {
            // So that the answer has its place, or it has begun.
            self.schedule().await?;
        }
        Ok(judged)
    }

    /// Changes a gang, plans it until nothing is left to do, stores it, and tells who has to know.
    async fn change(
        &self,
        id: RunId,
        first: impl Fn(&Gang, Timestamp) -> Result<Option<Planned>, EngineError> + Send + Sync,
    ) -> Result<Option<Gang>, EngineError> {
        self.change_with(id, None, |gang, _, now| first(gang, now)).await
    }

    async fn change_with(
        &self,
        id: RunId,
        fence: Option<&Fence>,
        first: impl Fn(&Gang, &Parties, Timestamp) -> Result<Option<Planned>, EngineError> + Send + Sync,
    ) -> Result<Option<Gang>, EngineError> {
        // What one change tells is told before the next one of the same run is made.
        let _one = self.turns.of(id).one.lock().await;
        self.change_in_turn(id, fence, first).await
    }

    async fn change_in_turn(
        &self,
        id: RunId,
        fence: Option<&Fence>,
        first: impl Fn(&Gang, &Parties, Timestamp) -> Result<Option<Planned>, EngineError> + Send + Sync,
    ) -> Result<Option<Gang>, EngineError> {
        let (now, parties) = (self.now(), self.hub.parties());
        let change = |loaded: &Loaded| step(loaded, first(&loaded.gang, &parties, now)?, &parties, now);
        let changed = self.store.change_gang_under(fence, id, change).await?;
        let Some((before, planned)) = changed else {
            return Ok(None);
        };
        let Some(planned) = planned else {
            return Ok(Some(Arc::unwrap_or_clone(before)));
        };
        for event in &planned.events {
            let assignment = event.assignment.map(tracing::field::display);
            tracing::info!(run = %id, assignment, state = event.state, reason = %event.reason, detail = event.message, "run changed");
        }
        let gang = Arc::new(planned.gang);
        // Where other servers change runs too, only the store knows which change was the later one.
        let told = (!self.store.is_shared()).then_some(&gang);
        for party in parties_to_tell(&before, &gang) {
            self.hub.tell(&party, id, told.cloned());
        }
        if wants_queue(&before, &gang) {
            self.queue.want();
        }
        // Nobody listening is no error.
        let _ = self.changes.send(id);
        Ok(Some(Arc::unwrap_or_clone(gang)))
    }
}
