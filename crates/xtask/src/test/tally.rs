//! How many tests have passed and failed.

use std::{fmt, ops::AddAssign};

/// The count; it reads as CI wants the last line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Those that have passed.
    pub(super) passed: u64,
    /// Those that have failed, also by taking too long.
    pub(super) failed: u64,
}

impl Tally {
    /// Reads the counts of a JUnit report, which are in its outermost element.
    pub(super) fn of_junit(report: &str) -> Option<Self> {
        let (_, rest) = report.split_once("<testsuites ")?;
        let (head, _) = rest.split_once('>')?;
        let count = |name: &str| -> Option<u64> {
            let (_, value) = head.split_once(&format!(" {name}=\""))?;
            value.split_once('"')?.0.parse().ok()
        };
        let failed = count("failures")? + count("errors")?;
        Some(Self {
            passed: count("tests")?.checked_sub(failed)?,
            failed,
        })
    }

    /// Adds up the `test result:` lines of cargo's own test runner.
    pub(super) fn of_cargo_test(output: &str) -> Self {
        let mut tally = Self::default();
        for line in output.lines().filter_map(|line| line.strip_prefix("test result: ")) {
            // `ok. 3 passed; 0 failed; 1 ignored; …`
            let words: Vec<&str> = line.split([' ', ';']).filter(|word| !word.is_empty()).collect();
            for pair in words.windows(2) {
                match (pair[0].parse::<u64>(), pair[1]) {
                    (Ok(count), "passed") => tally.passed += count,
                    (Ok(count), "failed") => tally.failed += count,
                    _ => {}
                }
            }
        }
        tally
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_junit_report_is_counted() {
        let report = "<?xml version=\"1.0\"?>\n<testsuites name=\"nextest-run\" tests=\"12\" failures=\"2\" errors=\"1\" \
                      time=\"3.1\">\n  <testsuite name=\"a\" tests=\"5\" failures=\"0\" errors=\"0\">";
        assert_eq!(Tally::of_junit(report), Some(Tally { passed: 9, failed: 3 }));
        for broken in [
            "",
            "<testsuites name=\"x\">",
            "<testsuites n=\"\" tests=\"1\" failures=\"2\" errors=\"0\">",
        ] {
            assert_eq!(Tally::of_junit(broken), None, "{broken}");
        }
    }

    #[test]
    fn the_results_of_every_crate_are_added_up() {
        let output = "running 3 tests\ntest result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished \
                      in 0.01s\n\ntest result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out\n";
        let tally = Tally::of_cargo_test(output);
        assert_eq!(tally, Tally { passed: 4, failed: 2 });
        assert_eq!(tally.to_string(), "4 passed, 2 failed");
    }
}
