//! Ended assignments keep their files and logs for a while: the newest so many.

use std::{
    collections::VecDeque,
    fs, io,
    path::{Path, PathBuf},
    sync::Mutex,
};

use flow_domain::AssignmentId;

/// The ended assignments, oldest first, on disk.
#[derive(Debug)]
pub(crate) struct Retain {
    path: PathBuf,
    keep: usize,
    ended: Mutex<VecDeque<AssignmentId>>,
}

impl Retain {
    /// Reads what was ended before. A list that cannot be read starts anew: it only decides how long logs are kept.
    pub(crate) fn load(root: &Path, keep: usize) -> Self {
        let path = root.join("ended.json");
        let ended = fs::read(&path)
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default();
        Self {
            path,
            keep,
            ended: Mutex::new(ended),
        }
    }

    /// Notes that one ended; answers those whose time is over.
    pub(crate) fn ended(&self, id: AssignmentId) -> io::Result<Vec<AssignmentId>> {
        let mut ended = self.ended.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if !ended.contains(&id) {
            ended.push_back(id);
        }
        let surplus = ended.len().saturating_sub(self.keep);
        let over: Vec<AssignmentId> = ended.drain(..surplus).collect();
        let bytes = serde_json::to_vec(&*ended).map_err(io::Error::other)?;
        let fresh = self.path.with_extension("new");
        fs::write(&fresh, bytes)?;
        fs::rename(&fresh, &self.path)?;
        Ok(over)
    }
}

#[cfg(test)]
mod tests {
    use flow_domain::RunId;

    use super::*;

    #[test]
    fn the_newest_are_kept_over_a_restart() {
        let root = tempfile::tempdir().unwrap();
        let run = RunId(uuid::Uuid::nil());
        let id = |n| AssignmentId::derive(run, n, "party", &"a".parse().unwrap(), 0);
        for n in 0..3 {
            assert_eq!(
                Retain::load(root.path(), 2).ended(id(n)).unwrap().len(),
                usize::from(n == 2)
            );
        }
        assert_eq!(Retain::load(root.path(), 2).ended(id(3)).unwrap(), [id(1)]);
    }
}
