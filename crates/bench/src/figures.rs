//! Samples and tables.

use std::time::Duration;

use comfy_table::{Table, presets::ASCII_MARKDOWN};

/// Times that were taken of the same thing.
#[derive(Debug, Default)]
pub(crate) struct Samples(Vec<Duration>);

impl Samples {
    /// Adds one.
    pub(crate) fn push(&mut self, sample: Duration) {
        let at = self.0.partition_point(|other| *other <= sample);
        self.0.insert(at, sample);
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The time that this share of them does not exceed, by the nearest rank; zero if there are none.
    pub(crate) fn quantile(&self, share: f64) -> Duration {
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss
        )]
        let rank = (share * self.0.len() as f64).ceil() as usize;
        self.0.get(rank.max(1) - 1).copied().unwrap_or_default()
    }

    /// The median.
    pub(crate) fn p50(&self) -> Duration {
        self.quantile(0.5)
    }

    /// What one in a hundred exceeds.
    pub(crate) fn p99(&self) -> Duration {
        self.quantile(0.99)
    }
}

impl FromIterator<Duration> for Samples {
    fn from_iter<I: IntoIterator<Item = Duration>>(samples: I) -> Self {
        let mut samples: Vec<Duration> = samples.into_iter().collect();
        samples.sort_unstable();
        Self(samples)
    }
}

/// Milliseconds, for people.
pub(crate) fn ms(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}

/// Milliseconds and hundredths, for people.
pub(crate) fn fine(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}

/// Seconds, for people.
pub(crate) fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

/// One line: what was measured, the figure, and its limit where it has one.
#[derive(Debug)]
pub(crate) struct Row {
    what: String,
    measured: String,
    limit: Option<(String, bool)>,
}

impl Row {
    /// A figure that explains another.
    pub(crate) fn beside(what: impl Into<String>, measured: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            measured: measured.into(),
            limit: None,
        }
    }

    /// A figure with a limit, and whether that is met.
    pub(crate) fn limited(
        what: impl Into<String>,
        measured: impl Into<String>,
        limit: impl Into<String>,
        is_met: bool,
    ) -> Self {
        Self {
            limit: Some((limit.into(), is_met)),
            ..Self::beside(what, measured)
        }
    }
}

/// Cells as a table, ready for a document.
pub(crate) fn sheet(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN).set_header(header);
    table.add_rows(rows);
    table.to_string()
}

/// The lines as a table, ready for a document.
pub(crate) fn table(title: &str, rows: &[Row]) -> String {
    let mut table = Table::new();
    table
        .load_style(ASCII_MARKDOWN)
        .set_header([title, "Measured", "Limit", "Met"]);
    for Row { what, measured, limit } in rows {
        let (limit, met) = match limit {
            Some((limit, true)) => (limit.as_str(), "yes"),
            Some((limit, false)) => (limit.as_str(), "NO"),
            None => ("", ""),
        };
        table.add_row([what.as_str(), measured, limit, met]);
    }
    table.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_samples_by_the_nearest_rank() {
        let mut samples = Samples::default();
        assert_eq!(samples.p50(), Duration::ZERO);
        for number in (1..=200).rev() {
            samples.push(Duration::from_millis(number));
        }
        assert_eq!(samples.p50(), Duration::from_millis(100));
        assert_eq!(samples.p99(), Duration::from_millis(198));
        assert_eq!(samples.quantile(1.0), Duration::from_millis(200));
        let one: Samples = [Duration::from_millis(7)].into_iter().collect();
        assert_eq!(
            (one.p50(), one.p99()),
            (Duration::from_millis(7), Duration::from_millis(7))
        );
    }

    #[test]
    fn a_table_says_what_is_met_and_leaves_the_rest_open() {
        let rows = [
            Row::limited("a", "1 ms", "2 ms", true),
            Row::limited("b", "3 ms", "2 ms", false),
            Row::beside("c", "4"),
        ];
        let text = table("SQLite", &rows);
        let lines: Vec<Vec<&str>> = text
            .lines()
            .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
            .collect();
        assert_eq!(lines[0], ["SQLite", "Measured", "Limit", "Met"]);
        assert_eq!(lines[2], ["a", "1 ms", "2 ms", "yes"]);
        assert_eq!(lines[3], ["b", "3 ms", "2 ms", "NO"]);
        assert_eq!(lines[4], ["c", "4", "", ""]);
    }
}
