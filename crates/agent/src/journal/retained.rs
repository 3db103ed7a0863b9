//! Which ended assignments keep their files and logs: the newest so many.

use std::collections::VecDeque;

use flow_domain::AssignmentId;

/// Ended assignments that have files, in the order in which they were cleared away.
#[derive(Debug)]
pub(super) struct Retained {
    keep: usize,
    ended: VecDeque<AssignmentId>,
}

impl Retained {
    pub(super) fn new(keep: usize) -> Self {
        Self {
            keep,
            ended: VecDeque::new(),
        }
    }

    /// So many keep their files.
    pub(super) fn keep(&mut self, keep: usize) {
        self.keep = keep;
    }

    /// Those of earlier lives of the agent: older than all that has ended since.
    pub(super) fn earlier(&mut self, ids: Vec<AssignmentId>) {
        self.ended.retain(|id| !ids.contains(id));
        for id in ids.into_iter().rev() {
            self.ended.push_front(id);
        }
    }

    pub(super) fn contains(&self, id: AssignmentId) -> bool {
        self.ended.contains(&id)
    }

    /// It is wanted again.
    pub(super) fn remove(&mut self, id: AssignmentId) {
        self.ended.retain(|ended| *ended != id);
    }

    /// One has ended: true if that is news.
    pub(super) fn push(&mut self, id: AssignmentId) -> bool {
        let is_new = !self.contains(id);
        if is_new {
            self.ended.push_back(id);
        }
        is_new
    }

    /// Those whose time is over.
    pub(super) fn surplus(&mut self) -> Vec<AssignmentId> {
        let surplus = self.ended.len().saturating_sub(self.keep);
        self.ended.drain(..surplus).collect()
    }
}

#[cfg(test)]
mod tests {
    use flow_domain::RunId;

    use super::*;

    #[test]
    fn the_newest_are_kept_and_those_of_earlier_lives_are_the_oldest() {
        let party = "a".parse().unwrap();
        let ids: Vec<_> = (1..=5)
            .map(|attempt| AssignmentId::derive(RunId(uuid::Uuid::nil()), attempt, "party", &party, 0))
            .collect();
        let mut retained = Retained::new(2);
        assert!(retained.push(ids[3]) && !retained.push(ids[3]));
        assert_eq!(retained.surplus(), []);
        retained.earlier(ids[..3].to_vec());
        assert_eq!(retained.surplus(), ids[..2]);
        retained.remove(ids[3]);
        assert!(retained.push(ids[4]));
        assert_eq!(retained.surplus(), []);
        assert!(retained.contains(ids[2]) && retained.contains(ids[4]) && !retained.contains(ids[3]));
    }
}
