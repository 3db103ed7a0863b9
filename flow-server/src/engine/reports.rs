//! What agents report while a run's turn is another's: the next change takes all of it over.
//!
//! The members of a gang do the same things at the same time, so their reports come together. One change for each of them would be one
//! transaction for each; whoever has the turn speaks for all.

use std::sync::{Mutex, MutexGuard, PoisonError};

use flow_domain::{
    PartyId, RunId, Timestamp,
    assignment::Report,
    gang::{self, Gang, Planned, Unfit},
    party::Parties,
};
use tokio::sync::oneshot;

use super::{Engine, EngineError};

/// How many messages of reports one change takes over.
const MOST: usize = 256;

/// What was told of one run by one agent, and is not stored yet.
#[derive(Debug)]
pub(super) struct Told {
    run: RunId,
    reporter: PartyId,
    reports: Vec<Report>,
    /// What of it was not the reporter's to tell, once the rest is stored.
    answer: oneshot::Sender<Vec<Unfit>>,
}

/// Reports that wait for a change that takes them over.
#[derive(Debug, Default)]
pub(super) struct Waiting(Mutex<Vec<Told>>);

impl Waiting {
    fn lock(&self) -> MutexGuard<'_, Vec<Told>> {
        // Every change under this lock is complete in itself.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has them taken over by the next change of the run. No answer comes if that is not made.
    pub(super) fn put(&self, run: RunId, reporter: &PartyId, reports: &[Report]) -> oneshot::Receiver<Vec<Unfit>> {
        let (answer, answered) = oneshot::channel();
        self.lock().push(Told {
            run,
            reporter: reporter.clone(),
            reports: reports.to_vec(),
            answer,
        });
        answered
    }

    /// Moves what was told of the run to what a change has; of those who wait for an answer no more, nothing.
    fn take(&self, run: RunId, into: &mut Vec<Told>) {
        let mut waiting = self.lock();
        waiting.retain(|told| !told.answer.is_closed());
        let mut room = MOST.saturating_sub(into.len());
        let taken = waiting.extract_if(.., |told| {
            let fits = told.run == run && room > 0;
            room -= usize::from(fits);
            fits
        });
        into.extend(taken);
    }
}

/// The reports of one change: what waits when it is made, and whatever has come by the time that it is made again.
#[derive(Debug)]
pub(super) struct TakeOver<'a> {
    run: RunId,
    waiting: &'a Waiting,
    taken: Mutex<(Vec<Told>, Vec<Vec<Unfit>>)>,
}

impl<'a> TakeOver<'a> {
    pub(super) fn new(run: RunId, waiting: &'a Waiting) -> Self {
        Self {
            run,
            waiting,
            taken: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, (Vec<Told>, Vec<Vec<Unfit>>)> {
        // What a call that did not end has left is made anew by the next one.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What to store instead of `gang` after all of them, or nothing if none is news.
    pub(super) fn observe(&self, gang: &Gang, now: Timestamp) -> Option<Planned> {
        let mut taken = self.lock();
        let (told, unfit) = &mut *taken;
        self.waiting.take(self.run, told);
        unfit.clear();
        let mut planned: Option<Planned> = None;
        for told in told {
            let mut refused = Vec::new();
            for report in &told.reports {
                let before = planned.as_ref().map_or(gang, |planned| &planned.gang);
                match gang::observe(before, &told.reporter, report, now) {
                    Ok(None) => {}
                    Ok(Some(after)) => {
                        let mut events = planned.take().map(|planned| planned.events).unwrap_or_default();
                        events.extend(after.events);
                        planned = Some(Planned { events, ..after });
                    }
                    Err(error) => refused.push(error),
                }
            }
            unfit.push(refused);
        }
        planned
    }

    /// Answers everybody, once the change is stored.
    pub(super) fn answer(self) {
        let (told, unfit) = self.taken.into_inner().unwrap_or_else(PoisonError::into_inner);
        for (told, unfit) in told.into_iter().zip(unfit) {
            // Who does not wait any more needs none.
            let _ = told.answer.send(unfit);
        }
    }
}

impl Engine {
    /// Takes over what an agent reports of one run, together with what others report of it meanwhile; answers what of it was not the
    /// reporter's to tell.
    ///
    /// # Errors
    /// If the store does not do it.
    pub async fn report(&self, id: RunId, reporter: &PartyId, reports: &[Report]) -> Result<Vec<Unfit>, EngineError> {
        let turn = self.turns.of(id);
        loop {
            let mut answer = turn.reports.put(id, reporter, reports);
            let _one = tokio::select! {
                biased;
                answered = &mut answer => match answered {
                    Ok(unfit) => return Ok(unfit),
                    // Whoever had it in its change did not make that.
                    Err(_) => continue,
                },
                one = turn.one.lock() => one,
            };
            if let Ok(unfit) = answer.try_recv() {
                return Ok(unfit);
            }
            let take_over = TakeOver::new(id, &turn.reports);
            let observe = |gang: &Gang, _: &Parties, now| Ok(take_over.observe(gang, now));
            if self.change_in_turn(id, None, observe).await?.is_none() {
                // A run that is not there is nothing to report of.
                return Ok(Vec::new());
            }
            take_over.answer();
            if let Ok(unfit) = answer.try_recv() {
                return Ok(unfit);
            }
            // More was told than one change takes over.
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_change_takes_what_is_told_of_its_run_by_those_who_still_wait() {
        let (run, other): (RunId, RunId) = (RunId(Uuid::from_u128(1)), RunId(Uuid::from_u128(2)));
        let party: PartyId = "a".parse().unwrap();
        let waiting = Waiting::default();
        drop(waiting.put(run, &party, &[]));
        let _of_other = waiting.put(other, &party, &[]);
        let answers: Vec<_> = (0..=MOST).map(|_| waiting.put(run, &party, &[])).collect();
        let mut taken = Vec::new();
        waiting.take(run, &mut taken);
        assert_eq!((taken.len(), waiting.lock().len()), (MOST, 2));
        assert!(taken.iter().all(|told| told.run == run));
        waiting.take(run, &mut taken);
        assert_eq!(taken.len(), MOST, "there is no room");
        drop(answers);
        waiting.take(run, &mut taken);
        assert_eq!(waiting.lock().len(), 1, "who does not wait any more is forgotten");
    }
}
