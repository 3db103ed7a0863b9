use std::{
    fs::File,
    io::{self, BufRead, BufReader},
    path::{Path, PathBuf},
};

use super::{files, record::Record};
use crate::{LogLine, Stream};

/// A line that is longer comes in several.
const MAX_LINE: usize = 1 << 20;
/// One batch holds no more than this of lines and (but for its last line) of bytes.
const BATCH_LINES: usize = 512;
const BATCH_BYTES: usize = 256 * 1024;

/// A place in a job's log. Reading never waits.
#[derive(Debug)]
pub(crate) struct Cursor {
    folder: PathBuf,
    current: Option<(u64, BufReader<File>)>,
    /// Full lines yet to be passed over.
    skip: usize,
    /// A record of which the newline is not written yet.
    torn: Vec<u8>,
    /// The begun lines of stdout and stderr.
    begun: [Vec<u8>; 2],
}

impl Cursor {
    /// Before the last `tail` lines, or at the beginning.
    pub(crate) fn open(folder: PathBuf, tail: Option<usize>) -> io::Result<Self> {
        let mut cursor = Self {
            folder,
            current: None,
            skip: 0,
            torn: Vec::new(),
            begun: Default::default(),
        };
        let Some(tail) = tail else { return Ok(cursor) };
        // From the newest file back, until enough lines are found.
        let mut lines = 0;
        for number in files::numbers(&cursor.folder)?.into_iter().rev() {
            let Some(file) = open(&cursor.folder, number)? else {
                break;
            };
            lines += count_lines(file)?;
            cursor.current = open(&cursor.folder, number)?.map(|file| (number, file));
            if lines >= tail {
                break;
            }
        }
        cursor.skip = lines.saturating_sub(tail);
        Ok(cursor)
    }

    /// The next lines. None of them means that for now all is read.
    pub(crate) fn next_batch(&mut self) -> io::Result<Vec<LogLine>> {
        let (mut lines, mut bytes) = (Vec::new(), 0);
        while lines.len() < BATCH_LINES && bytes < BATCH_BYTES {
            let record = match self.read_record()? {
                Some(record) => record,
                None => {
                    let Some(next) = self.newer()? else { break };
                    // Only now it is certain that the current file is complete; it may have grown
                    // since its end was seen.
                    match self.read_record()? {
                        Some(record) => record,
                        None => {
                            self.enter(next)?;
                            continue;
                        }
                    }
                }
            };
            if let Some(line) = self.join(&record) {
                bytes += line.text.len();
                lines.push(line);
            }
        }
        Ok(lines)
    }

    /// The next record of the current file, if it is there as a whole.
    fn read_record(&mut self) -> io::Result<Option<Vec<u8>>> {
        let Some((_, file)) = &mut self.current else {
            return Ok(None);
        };
        file.read_until(b'\n', &mut self.torn)?;
        Ok(self
            .torn
            .pop_if(|last| *last == b'\n')
            .map(|_| std::mem::take(&mut self.torn)))
    }

    /// The file after the current one.
    fn newer(&self) -> io::Result<Option<u64>> {
        let position = self.current.as_ref().map(|(number, _)| *number);
        let mut numbers = files::numbers(&self.folder)?.into_iter();
        Ok(numbers.find(|&number| position.is_none_or(|at| number > at)))
    }

    /// Goes on with the file `number`. If that was rotated away meanwhile, so were all before it,
    /// and the next one found is the right one.
    fn enter(&mut self, number: u64) -> io::Result<()> {
        // What is torn at the end of a complete file will never be completed.
        self.torn.clear();
        self.current = open(&self.folder, number)?.map(|file| (number, file));
        Ok(())
    }

    /// Joins a record to what came before it; answers the line if that ends it.
    fn join(&mut self, record: &[u8]) -> Option<LogLine> {
        let record = Record::parse(record)?;
        let begun = match record.stream {
            Stream::Stdout => &mut self.begun[0],
            Stream::Stderr => &mut self.begun[1],
        };
        begun.extend_from_slice(record.text);
        if !record.full && begun.len() < MAX_LINE {
            return None;
        }
        let text = std::mem::take(begun);
        if self.skip > 0 {
            self.skip -= usize::from(record.full);
            return None;
        }
        let text = String::from_utf8_lossy(&text).into_owned();
        Some(LogLine {
            at_micros: record.at.as_microsecond(),
            stream: record.stream,
            text,
        })
    }
}

/// The number of full lines in a log file.
fn count_lines(mut file: BufReader<File>) -> io::Result<usize> {
    let (mut lines, mut record) = (0, Vec::new());
    while file.read_until(b'\n', &mut record)? > 0 {
        let text = record.strip_suffix(b"\n");
        lines += usize::from(text.and_then(Record::parse).is_some_and(|record| record.full));
        record.clear();
    }
    Ok(lines)
}

/// `None` if it was rotated away.
fn open(folder: &Path, number: u64) -> io::Result<Option<BufReader<File>>> {
    match File::open(files::file(folder, number)) {
        Ok(file) => Ok(Some(BufReader::with_capacity(64 * 1024, file))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{LogLimits, process::logs::LogWriter};

    fn texts(cursor: &mut Cursor) -> Vec<String> {
        let mut texts = Vec::new();
        loop {
            let batch = cursor.next_batch().unwrap();
            if batch.is_empty() {
                return texts;
            }
            texts.extend(batch.into_iter().map(|line| line.text));
        }
    }

    #[test]
    fn follows_a_writer_across_rotation_without_a_gap() {
        let temp = tempfile::tempdir().unwrap();
        let limits = LogLimits {
            max_file_bytes: LogLimits::MIN_FILE_BYTES,
            max_files: 4,
        };
        let mut log = LogWriter::open(temp.path().into(), limits).unwrap();
        let mut cursor = Cursor::open(temp.path().into(), None).unwrap();
        let mut read = Vec::new();
        for n in 0..5_000 {
            log.write(Stream::Stdout, format!("line {n}\n").as_bytes()).unwrap();
            if n % 700 == 0 {
                read.extend(texts(&mut cursor));
            }
        }
        read.extend(texts(&mut cursor));
        let wanted: Vec<String> = (0..5_000).map(|n| format!("line {n}")).collect();
        assert!(read == wanted, "{} lines read", read.len());
        assert!(files::numbers(temp.path()).unwrap()[0] > 1, "nothing was rotated away");

        // A reader that fell behind goes on with the oldest that is kept.
        let mut late = Cursor::open(temp.path().into(), None).unwrap();
        let kept = texts(&mut late);
        assert!(!kept.is_empty() && wanted.ends_with(&kept));

        for tail in [0, 1, 10, 700, kept.len()] {
            let mut cursor = Cursor::open(temp.path().into(), Some(tail)).unwrap();
            assert!(texts(&mut cursor) == wanted[5_000 - tail..], "tail of {tail}");
        }
        let mut all = Cursor::open(temp.path().into(), Some(1_000_000)).unwrap();
        assert_eq!(texts(&mut all), kept);
    }

    #[test]
    fn waits_for_the_rest_of_a_record() {
        let temp = tempfile::tempdir().unwrap();
        let path = files::file(temp.path(), 1);
        let whole = "2016-10-06T00:17:09Z stdout F hello\n";
        std::fs::write(&path, &whole[..25]).unwrap();
        let mut cursor = Cursor::open(temp.path().into(), None).unwrap();
        assert_eq!(texts(&mut cursor), [""; 0]);
        std::io::Write::write_all(
            &mut std::fs::OpenOptions::new().append(true).open(&path).unwrap(),
            &whole.as_bytes()[25..],
        )
        .unwrap();
        assert_eq!(texts(&mut cursor), ["hello"]);
    }

    #[test]
    fn joins_pieces_and_replaces_what_is_not_utf8() {
        let temp = tempfile::tempdir().unwrap();
        let mut log = LogWriter::open(temp.path().into(), LogLimits::default()).unwrap();
        let long = "ü".repeat(50_000);
        log.write(Stream::Stdout, &long.as_bytes()[..60_000]).unwrap();
        log.write(Stream::Stderr, b"bad \xff byte\n").unwrap();
        log.write(Stream::Stdout, &long.as_bytes()[60_000..]).unwrap();
        log.write(Stream::Stdout, b"\n").unwrap();
        let mut cursor = Cursor::open(temp.path().into(), Some(2)).unwrap();
        assert!(texts(&mut cursor) == ["bad \u{fffd} byte".to_owned(), long.clone()]);
        let mut last = Cursor::open(temp.path().into(), Some(1)).unwrap();
        assert!(texts(&mut last) == [long]);
    }
}
