use super::record::MAX_PIECE;

/// Cuts a stream of bytes into lines, and long lines into pieces.
#[derive(Debug, Default)]
pub(crate) struct LineCutter {
    /// The begun line, never longer than a piece.
    begun: Vec<u8>,
}

impl LineCutter {
    /// Hands every piece that `bytes` completes to `take`, with whether a line ends there.
    pub(crate) fn cut(&mut self, bytes: &[u8], mut take: impl FnMut(&[u8], bool)) {
        for part in bytes.split_inclusive(|&byte| byte == b'\n') {
            let (text, ended) = part.strip_suffix(b"\n").map_or((part, false), |text| (text, true));
            self.begun.extend_from_slice(text);
            let mut rest = &self.begun[..];
            while rest.len() > MAX_PIECE {
                let (piece, after) = rest.split_at(piece_length(rest));
                take(piece, false);
                rest = after;
            }
            if ended {
                take(rest, true);
                self.begun.clear();
            } else {
                let done = self.begun.len() - rest.len();
                self.begun.drain(..done);
            }
        }
    }

    /// The line that was begun and never ended.
    pub(crate) fn into_rest(self) -> Vec<u8> {
        self.begun
    }
}

/// How much of `text` makes a piece: as much as is allowed, but no torn UTF-8 character.
fn piece_length(text: &[u8]) -> usize {
    let begins_character = |&at: &usize| text[at] & 0b1100_0000 != 0b1000_0000;
    (MAX_PIECE - 3..=MAX_PIECE)
        .rev()
        .find(begins_character)
        .unwrap_or(MAX_PIECE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(reads: &[&[u8]]) -> (Vec<(Vec<u8>, bool)>, Vec<u8>) {
        let (mut cutter, mut pieces) = (LineCutter::default(), Vec::new());
        for read in reads {
            cutter.cut(read, |text, ended| pieces.push((text.to_vec(), ended)));
        }
        (pieces, cutter.into_rest())
    }

    #[test]
    fn joins_reads() {
        let (pieces, rest) = cut(&[b"hel", b"lo\n\nwor", b"ld"]);
        assert_eq!(pieces, [(b"hello".to_vec(), true), (b"".to_vec(), true)]);
        assert_eq!(rest, b"world");
    }

    #[test]
    fn cuts_long_lines_between_characters() {
        let line = format!("x{}", "ä".repeat(MAX_PIECE));
        let (pieces, rest) = cut(&[line.as_bytes(), b"\n"]);
        assert!(rest.is_empty());
        assert_eq!(
            pieces.iter().map(|piece| piece.1).collect::<Vec<_>>(),
            [false, false, true]
        );
        assert!(
            pieces
                .iter()
                .all(|(text, _)| text.len() <= MAX_PIECE && std::str::from_utf8(text).is_ok())
        );
        let joined: Vec<u8> = pieces.into_iter().flat_map(|(text, _)| text).collect();
        assert_eq!(joined, line.as_bytes());
        // What is no text at all is cut as well.
        let (pieces, rest) = cut(&[&[0x80; 3 * MAX_PIECE]]);
        assert_eq!((pieces.len(), rest.len()), (2, MAX_PIECE));
    }
}
