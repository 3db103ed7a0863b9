//! The demo's data: handwritten digits, dealt out so that each party has only its own share.

use std::{
    fs,
    io::{self, Read as _},
    path::Path,
};

use flate2::read::GzDecoder;

use crate::Failure;

const IMAGES: &[u8] = include_bytes!("../../assets/demo/digits.csv.gz");
/// The program that each party runs.
const PROGRAM: &str = include_str!("../../assets/demo/party_digits.py");
/// Of the 1797 images, so many are for training; the rest is the same test for all.
const TRAINING: usize = 1_500;
/// The decompressed images are well below this.
const LARGEST: u64 = 4 << 20;

/// The images, shuffled the same way each time.
pub(super) struct Digits(Vec<String>);

impl Digits {
    /// Unpacks them.
    pub(super) fn unpack() -> Result<Self, Failure> {
        let mut text = String::new();
        GzDecoder::new(IMAGES)
            .take(LARGEST)
            .read_to_string(&mut text)
            .map_err(|error| Failure::internal("cannot unpack the demo's data").because(error))?;
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        shuffle(&mut lines);
        Ok(Self(lines))
    }

    /// Writes the share of party `index` of `parties`, and the test images, into `dir`.
    pub(super) fn deal(&self, dir: &Path, index: usize, parties: usize) -> Result<(), Failure> {
        let (training, test) = self.0.split_at(TRAINING.min(self.0.len()));
        let share: Vec<&str> = training
            .iter()
            .skip(index)
            .step_by(parties.max(1))
            .map(String::as_str)
            .collect();
        let test: Vec<&str> = test.iter().map(String::as_str).collect();
        write(dir, "train.csv", &(share.join("\n") + "\n"))?;
        write(dir, "test.csv", &(test.join("\n") + "\n"))
    }
}

/// Writes the program into `dir`.
pub(super) fn program(dir: &Path) -> Result<(), Failure> {
    write(dir, "party_digits.py", PROGRAM)
}

fn write(dir: &Path, name: &str, content: &str) -> Result<(), Failure> {
    let path = dir.join(name);
    let written = fs::create_dir_all(dir).and_then(|()| replace(&path, content));
    written.map_err(|error| Failure::internal(format!("cannot write {}", path.display())).because(error))
}

/// In one step: a job may be reading the old one.
fn replace(path: &Path, content: &str) -> io::Result<()> {
    let temporary = path.with_extension("new");
    fs::write(&temporary, content)?;
    fs::rename(&temporary, path)
}

/// Fisher and Yates, over a generator that never changes: the demo's accuracy is the same everywhere.
fn shuffle<T>(items: &mut [T]) {
    let mut state = 0x1f1e_a24e_2026_u64;
    for last in (1..items.len()).rev() {
        let pick = split_mix(&mut state) % (last as u64 + 1);
        // The remainder is at most `last`.
        items.swap(last, usize::try_from(pick).unwrap_or(last));
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014).
fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_image_is_dealt_once_and_the_test_is_the_same_for_all() {
        let digits = Digits::unpack().unwrap();
        assert_eq!(digits.0.len(), 1_797);
        let dir = tempfile::tempdir().unwrap();
        let read =
            |party: usize, name: &str| fs::read_to_string(dir.path().join(party.to_string()).join(name)).unwrap();
        for party in 0..3 {
            digits.deal(&dir.path().join(party.to_string()), party, 3).unwrap();
        }
        let shares: Vec<String> = (0..3).map(|party| read(party, "train.csv")).collect();
        let sizes: Vec<usize> = shares.iter().map(|share| share.lines().count()).collect();
        assert_eq!(sizes, [500, 500, 500]);
        let test = read(0, "test.csv");
        assert_eq!(test, read(2, "test.csv"));
        assert_eq!(test.lines().count(), 297);
        let all = shares.iter().flat_map(|share| share.lines()).chain(test.lines());
        let dealt: BTreeSet<&str> = all.clone().collect();
        let whole: BTreeSet<&str> = digits.0.iter().map(String::as_str).collect();
        assert_eq!(dealt, whole);
        assert_eq!(all.count(), 1_797);
        // Each digit is in each share: otherwise a party could not learn it.
        for share in &shares {
            let seen: BTreeSet<&str> = share.lines().filter_map(|line| line.rsplit(',').next()).collect();
            assert_eq!(seen.len(), 10);
        }
    }
}
