use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::PathBuf,
};

use jiff::Timestamp;

use super::{cut::LineCutter, files, record::Record};
use crate::{LogLimits, Stream};

/// Keeps the newest of what a job writes on disk.
#[derive(Debug)]
pub(crate) struct LogWriter {
    folder: PathBuf,
    limits: LogLimits,
    number: u64,
    file: File,
    /// The length of the file, in bytes.
    written: u64,
    /// Whole records on their way into the file.
    pending: Vec<u8>,
    stdout: LineCutter,
    stderr: LineCutter,
}

impl LogWriter {
    /// Begins a new file in `folder`.
    pub(crate) fn open(folder: PathBuf, limits: LogLimits) -> io::Result<Self> {
        let number = files::numbers(&folder)?.last().map_or(1, |last| last + 1);
        let file = create(&folder, number)?;
        Ok(Self {
            folder,
            limits,
            number,
            file,
            written: 0,
            pending: Vec::new(),
            stdout: LineCutter::default(),
            stderr: LineCutter::default(),
        })
    }

    /// Writes the lines that `bytes` completes and remembers the rest. After an error the lines
    /// are missing from the log, and the next call begins afresh.
    pub(crate) fn write(&mut self, stream: Stream, bytes: &[u8]) -> io::Result<()> {
        let at = Timestamp::now();
        let mut cutter = std::mem::take(self.cutter(stream));
        let mut result = Ok(());
        cutter.cut(bytes, |text, full| {
            if result.is_ok() {
                result = self.put(&Record { at, stream, full, text });
            }
        });
        *self.cutter(stream) = cutter;
        result.and_then(|()| self.flush())
    }

    /// Writes the lines that were begun and never ended, and waits for the disk.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        let at = Timestamp::now();
        for stream in [Stream::Stdout, Stream::Stderr] {
            let text = &std::mem::take(self.cutter(stream)).into_rest();
            if !text.is_empty() {
                self.put(&Record {
                    at,
                    stream,
                    full: true,
                    text,
                })?;
            }
        }
        self.flush()?;
        self.file.sync_all()
    }

    fn cutter(&mut self, stream: Stream) -> &mut LineCutter {
        match stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
        }
    }

    fn put(&mut self, record: &Record) -> io::Result<()> {
        let before = self.pending.len();
        record.append_to(&mut self.pending);
        let size = self.written + self.pending.len() as u64;
        if size > self.limits.max_file_bytes && self.written + before as u64 > 0 {
            let record = self.pending.split_off(before);
            self.flush()?;
            self.rotate()?;
            self.pending = record;
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        let result = self.file.write_all(&self.pending);
        if result.is_ok() {
            self.written += self.pending.len() as u64;
        } else {
            // The disk is full, perhaps. A torn record must not swallow the next one.
            let _ = self.file.set_len(self.written);
        }
        self.pending.clear();
        result
    }

    /// Begins the next file, after making room for it, so that the limits always hold.
    fn rotate(&mut self) -> io::Result<()> {
        let numbers = files::numbers(&self.folder)?;
        let kept = usize::try_from(self.limits.max_files).unwrap_or(usize::MAX) - 1;
        for &old in &numbers[..numbers.len().saturating_sub(kept)] {
            fs::remove_file(files::file(&self.folder, old))?;
        }
        self.file = create(&self.folder, self.number + 1)?;
        self.number += 1;
        self.written = 0;
        Ok(())
    }
}

fn create(folder: &std::path::Path, number: u64) -> io::Result<File> {
    OpenOptions::new()
        .append(true)
        .create_new(true)
        .mode(0o600)
        .open(files::file(folder, number))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(folder: &std::path::Path) -> Vec<(bool, Vec<u8>)> {
        let mut records = Vec::new();
        for number in files::numbers(folder).unwrap() {
            let bytes = fs::read(files::file(folder, number)).unwrap();
            for line in bytes.strip_suffix(b"\n").unwrap_or(&[]).split(|&b| b == b'\n') {
                let record = Record::parse(line).unwrap();
                records.push((record.full, record.text.to_vec()));
            }
        }
        records
    }

    #[test]
    fn keeps_the_streams_apart() {
        let temp = tempfile::tempdir().unwrap();
        let mut log = LogWriter::open(temp.path().into(), LogLimits::default()).unwrap();
        log.write(Stream::Stdout, b"hel").unwrap();
        log.write(Stream::Stderr, b"other\n").unwrap();
        log.write(Stream::Stdout, b"lo\n\n").unwrap();
        log.write(Stream::Stdout, b"unfinished").unwrap();
        log.finish().unwrap();
        let texts: Vec<Vec<u8>> = content(temp.path()).into_iter().map(|(_, text)| text).collect();
        assert_eq!(texts, [&b"other"[..], b"hello", b"", b"unfinished"]);
    }

    #[test]
    fn stays_within_its_limits_and_keeps_the_newest() {
        let temp = tempfile::tempdir().unwrap();
        let limits = LogLimits {
            max_file_bytes: LogLimits::MIN_FILE_BYTES,
            max_files: 3,
        };
        let mut log = LogWriter::open(temp.path().into(), limits).unwrap();
        for n in 0..10_000 {
            log.write(Stream::Stdout, format!("line {n}\n").as_bytes()).unwrap();
        }
        log.finish().unwrap();
        let sizes = files::numbers(temp.path())
            .unwrap()
            .into_iter()
            .map(|number| fs::metadata(files::file(temp.path(), number)).unwrap().len());
        let sizes: Vec<u64> = sizes.collect();
        assert_eq!(sizes.len(), 3);
        assert!(sizes.iter().all(|&size| size <= limits.max_file_bytes), "{sizes:?}");
        assert_eq!(content(temp.path()).last().unwrap().1, b"line 9999");
    }
}
