use std::io::Write;

use jiff::Timestamp;

use crate::Stream;

/// The longest text of one record, in bytes.
pub(crate) const MAX_PIECE: usize = 16 * 1024;

/// One record of a log file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Record<'a> {
    pub(crate) at: Timestamp,
    pub(crate) stream: Stream,
    /// The line ends here.
    pub(crate) full: bool,
    pub(crate) text: &'a [u8],
}

impl<'a> Record<'a> {
    /// Appends the record, with its newline, to `to`.
    pub(crate) fn append_to(&self, to: &mut Vec<u8>) {
        let stream = match self.stream {
            Stream::Stdout => "stdout",
            Stream::Stderr => "stderr",
        };
        let tag = if self.full { 'F' } else { 'P' };
        // cannot fail: a Vec takes everything.
        let _ = write!(to, "{:.9} {stream} {tag} ", self.at);
        to.extend_from_slice(self.text);
        to.push(b'\n');
    }

    /// Reads a record without its newline. `None` for anything else, such as a torn one.
    pub(crate) fn parse(line: &'a [u8]) -> Option<Self> {
        let mut fields = line.splitn(4, |&byte| byte == b' ');
        let at = std::str::from_utf8(fields.next()?).ok()?.parse().ok()?;
        let stream = match fields.next()? {
            b"stdout" => Stream::Stdout,
            b"stderr" => Stream::Stderr,
            _ => return None,
        };
        let full = match fields.next()? {
            b"F" => true,
            b"P" => false,
            _ => return None,
        };
        Some(Self {
            at,
            stream,
            full,
            text: fields.next()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_the_format_of_the_container_runtimes() {
        let at: Timestamp = "2016-10-06T00:17:09.669794202Z".parse().unwrap();
        let record = Record {
            at,
            stream: Stream::Stderr,
            full: true,
            text: b"a b \xff",
        };
        let mut bytes = Vec::new();
        record.append_to(&mut bytes);
        assert_eq!(bytes, b"2016-10-06T00:17:09.669794202Z stderr F a b \xff\n");
        assert_eq!(Record::parse(&bytes[..bytes.len() - 1]), Some(record));

        bytes.clear();
        let whole = "2016-10-06T00:17:09Z".parse().unwrap();
        Record {
            at: whole,
            stream: Stream::Stdout,
            full: false,
            text: b"",
        }
        .append_to(&mut bytes);
        assert_eq!(bytes, b"2016-10-06T00:17:09.000000000Z stdout P \n");
    }

    #[test]
    fn refuses_torn_records() {
        for torn in [
            "",
            "2016-10-06T00:17:09.6697",
            "2016-10-06T00:17:09Z stdout F",
            "x stdout F y",
        ] {
            assert_eq!(Record::parse(torn.as_bytes()), None, "{torn:?}");
        }
    }
}
