//! What nobody wants any more and may still run. As long as there is any, nothing new is prepared: the server counts its room as free.

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use flow_domain::AssignmentId;

/// Jobs that are being cleared away. Shared by the workers.
#[derive(Debug, Default)]
pub(crate) struct Leftovers(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// Whether it is known what an agent before this one has left.
    looked: bool,
    jobs: BTreeSet<AssignmentId>,
}

/// What keeps the agent from preparing anything new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Obstacle {
    /// It is not known yet what there is.
    Unknown,
    /// So many jobs have to end first.
    Jobs(usize),
}

impl Leftovers {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Every change under this lock is complete in itself.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nobody wants it any more, and it may run.
    pub(crate) fn add(&self, id: AssignmentId) {
        self.lock().jobs.insert(id);
    }

    /// It does not run, or is wanted again.
    pub(crate) fn remove(&self, id: AssignmentId) {
        self.lock().jobs.remove(&id);
    }

    /// It is known what there is.
    pub(crate) fn looked(&self) {
        self.lock().looked = true;
    }

    /// What is in the way of anything new.
    pub(crate) fn obstacle(&self) -> Option<Obstacle> {
        let inner = self.lock();
        match inner.jobs.len() {
            _ if !inner.looked => Some(Obstacle::Unknown),
            0 => None,
            jobs => Some(Obstacle::Jobs(jobs)),
        }
    }
}

#[cfg(test)]
mod tests {
    use flow_domain::RunId;

    use super::*;

    #[test]
    fn they_are_in_the_way_until_they_have_ended() {
        let leftovers = Leftovers::default();
        let id = AssignmentId::derive(RunId(uuid::Uuid::nil()), 1, "party", &"a".parse().unwrap(), 0);
        assert_eq!(leftovers.obstacle(), Some(Obstacle::Unknown));
        leftovers.add(id);
        leftovers.looked();
        assert_eq!(leftovers.obstacle(), Some(Obstacle::Jobs(1)));
        leftovers.remove(id);
        assert_eq!(leftovers.obstacle(), None);
    }
}
