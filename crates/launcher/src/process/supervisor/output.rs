use std::{
    io::{self, PipeReader, PipeWriter, Read},
    os::fd::{AsFd, BorrowedFd},
};

use nix::fcntl::{FcntlArg, OFlag, fcntl};

use crate::{Stream, process::logs::LogWriter};

const READ_SIZE: usize = 64 * 1024;

/// The read ends of a job's standard output and error, and the log they are copied to.
#[derive(Debug)]
pub(super) struct Output {
    pipes: Vec<(Stream, PipeReader)>,
    log: LogWriter,
    buffer: Vec<u8>,
    /// The first write that failed. The job goes on; what it says then is dropped.
    error: Option<io::Error>,
}

impl Output {
    /// Makes the pipes; the write ends for standard output and error come with it.
    pub(super) fn new(log: LogWriter) -> io::Result<(Self, [PipeWriter; 2])> {
        let (stdout, to_stdout) = io::pipe()?;
        let (stderr, to_stderr) = io::pipe()?;
        for pipe in [&stdout, &stderr] {
            // Ours alone: the write end is another open file.
            let flags = OFlag::from_bits_retain(fcntl(pipe, FcntlArg::F_GETFL)?);
            fcntl(pipe, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
        }
        let pipes = vec![(Stream::Stdout, stdout), (Stream::Stderr, stderr)];
        let output = Self {
            pipes,
            log,
            buffer: vec![0; READ_SIZE],
            error: None,
        };
        Ok((output, [to_stdout, to_stderr]))
    }

    /// The pipes that are still open.
    pub(super) fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.pipes.iter().map(|(_, pipe)| pipe.as_fd())
    }

    pub(super) fn is_open(&self) -> bool {
        !self.pipes.is_empty()
    }

    /// Copies what is there, a bounded amount of it, and never waits.
    pub(super) fn copy(&mut self) {
        let Self {
            pipes,
            log,
            buffer,
            error,
        } = self;
        pipes.retain_mut(|(stream, pipe)| match pipe.read(buffer) {
            Ok(0) => false,
            Ok(count) => {
                if let Err(failed) = log.write(*stream, &buffer[..count]) {
                    error.get_or_insert(failed);
                }
                true
            }
            Err(failed) => {
                matches!(failed.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
            }
        });
    }

    /// Completes the log; answers what of it could not be written, if anything.
    pub(super) fn finish(self) -> Option<io::Error> {
        let finished = self.log.finish();
        self.error.or(finished.err())
    }
}
