use std::time::Duration;

use async_trait::async_trait;

use crate::{Key, Launch, LaunchError, LogQuery, LogStream, Observed, Prepare, Prepared, Proxy};

/// Runs assignments somewhere. Every method may be repeated at any time; none depends on memory.
#[async_trait]
pub trait Launcher: Send + Sync {
    /// Reserves what the assignment needs. The second call answers the same as the first.
    ///
    /// Fails with `PortsExhausted` if nothing is free, `PrepareConflict` if the key was prepared
    /// for other port names, `Released` if it was given back.
    async fn prepare(&self, key: &Key, prepare: &Prepare) -> Result<Prepared, LaunchError>;

    /// Starts the job. At most one process is ever started per key: once one was, further calls
    /// answer `Ok` and change nothing, even if it has ended or the launch differs.
    ///
    /// Fails with `NotPrepared`, `AlreadyStopped`, `Released`, or, before anything is started,
    /// `ProgramNotFound`, `WorkdirUnreadable` and `InvalidLaunch`.
    async fn start(&self, key: &Key, launch: &Launch) -> Result<(), LaunchError>;

    /// Says what is there now.
    async fn observe(&self, key: &Key) -> Result<Observed, LaunchError>;

    /// Asks for the end of the job: SIGTERM, and SIGKILL after `grace`. Returns when that is
    /// durably asked for; [`observe`](Self::observe) tells when it is done. A prepared key that
    /// was never started becomes `Exited` and can never be started afterwards. A repeated call
    /// can shorten the grace, not lengthen it. Nothing happens to what is absent or has ended.
    async fn stop(&self, key: &Key, grace: Duration) -> Result<(), LaunchError>;

    /// The keys of all that is there, in order, including what was released and not yet purged.
    async fn list(&self) -> Result<Vec<Key>, LaunchError>;

    /// Gives the ports back. Files and logs stay until [`purge`](Self::purge). A prepared key can
    /// never be started afterwards. Fails with `StillRunning` while anything runs.
    async fn release(&self, key: &Key) -> Result<(), LaunchError>;

    /// Removes the files of a released key; it is absent afterwards. Fails with `NotReleased`.
    async fn purge(&self, key: &Key) -> Result<(), LaunchError>;

    /// Reads the job's output. Rotation does not interrupt it; what was rotated away before it
    /// could be read is missing without notice. A key that is absent has an empty log.
    fn logs(&self, key: &Key, query: LogQuery) -> LogStream;

    /// The way to the ports of jobs, where the agent cannot connect to them itself.
    fn proxy(&self) -> Option<&dyn Proxy> {
        None
    }
}
