//! SHA-256 as images name their parts by.

use std::{
    fmt,
    io::{self, Write},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// `sha256:` and 64 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Digest(String);

impl Digest {
    /// Of these bytes.
    pub(super) fn of(bytes: impl AsRef<[u8]>) -> Self {
        Self::finished(Sha256::new_with_prefix(bytes))
    }

    /// The digits alone, which are the name of a blob's file.
    pub(super) fn hex(&self) -> &str {
        self.0.strip_prefix("sha256:").unwrap_or(&self.0)
    }

    fn finished(hash: Sha256) -> Self {
        let mut text = "sha256:".to_owned();
        for byte in hash.finalize() {
            text += &format!("{byte:02x}");
        }
        Self(text)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Passes on what is written to it, and keeps count and digest of that.
pub(super) struct Digesting<W> {
    inner: W,
    hash: Sha256,
    bytes: u64,
}

impl<W: Write> Digesting<W> {
    /// Around this writer.
    pub(super) fn new(inner: W) -> Self {
        Self {
            inner,
            hash: Sha256::new(),
            bytes: 0,
        }
    }

    /// The writer, the digest of all that went through, and how many bytes that were.
    pub(super) fn finish(self) -> (W, Digest, u64) {
        (self.inner, Digest::finished(self.hash), self.bytes)
    }
}

impl<W: Write> Write for Digesting<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hash.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_digested_and_counted() {
        let mut through = Digesting::new(Vec::new());
        through.write_all(b"ab").unwrap();
        through.write_all(b"c").unwrap();
        let (inner, digest, bytes) = through.finish();
        assert_eq!((inner.as_slice(), bytes), (b"abc".as_slice(), 3));
        // The example of FIPS 180-4.
        assert_eq!(
            digest.hex(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(digest, Digest::of("abc"));
    }
}
