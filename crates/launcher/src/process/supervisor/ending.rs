use nix::sys::wait::WaitStatus;

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ending {
    pub(super) code: Option<i32>,
    pub(super) signal: Option<i32>,
}

impl Ending {
    /// The ending that `status` tells of, with its process; `None` if it tells of none.
    pub(super) fn of(status: WaitStatus) -> Option<(i32, Self)> {
        match status {
            WaitStatus::Exited(pid, code) => Some((
                pid.as_raw(),
                Self {
                    code: Some(code),
                    signal: None,
                },
            )),
            WaitStatus::Signaled(pid, signal, _) => Some((
                pid.as_raw(),
                Self {
                    code: None,
                    signal: Some(signal as i32),
                },
            )),
            _ => None,
        }
    }
}
