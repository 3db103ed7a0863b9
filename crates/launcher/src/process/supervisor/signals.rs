use std::{
    io::{self, Read},
    os::{
        fd::{AsFd, BorrowedFd},
        unix::net::UnixStream,
    },
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use signal_hook::{
    consts::{SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM},
    flag,
    low_level::pipe,
};

/// The signals that arrived. They are caught, not ignored or blocked: the job would inherit that.
#[derive(Debug)]
pub(super) struct Signals {
    wake: UnixStream,
    terminate: Arc<AtomicBool>,
}

/// What arrived since the last look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Arrived {
    pub(super) any: bool,
    pub(super) terminate: bool,
}

impl Signals {
    pub(super) fn catch() -> io::Result<Self> {
        let (wake, waker) = UnixStream::pair()?;
        wake.set_nonblocking(true)?;
        let terminate = Arc::new(AtomicBool::new(false));
        // Before the pipe: who is woken finds the flag set.
        flag::register(SIGTERM, Arc::clone(&terminate))?;
        pipe::register(SIGTERM, waker.try_clone()?)?;
        pipe::register(SIGCHLD, waker)?;
        let disregarded = Arc::new(AtomicBool::new(false));
        for signal in [SIGHUP, SIGINT, SIGQUIT] {
            flag::register(signal, Arc::clone(&disregarded))?;
        }
        Ok(Self { wake, terminate })
    }

    /// Readable when something has arrived.
    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }

    pub(super) fn take(&mut self) -> Arrived {
        let mut any = false;
        let mut bytes = [0; 64];
        while self.wake.read(&mut bytes).is_ok_and(|count| count > 0) {
            any = true;
        }
        Arrived {
            any,
            terminate: self.terminate.swap(false, Ordering::SeqCst),
        }
    }
}
