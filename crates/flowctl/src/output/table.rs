//! Tables in plain text: no borders, no colours, no wrapping, so that they can be read by people and by `awk`.

use comfy_table::{ContentArrangement, Table, presets::NOTHING};
use flow_domain::Timestamp;

use super::clean;

/// Something that can be a line of a table.
pub trait Row {
    /// What one is called, as in `run/…`.
    const KIND: &'static str;
    /// What several are called.
    const PLURAL: &'static str;
    /// The columns.
    const HEADER: &'static [&'static str];

    /// Its name or id, as commands take it.
    fn handle(&self) -> String;

    /// The cells of its line.
    fn cells(&self, now: Timestamp) -> Vec<String>;

    /// Kind and name, as in `task/digits`.
    fn reference(&self) -> String {
        format!("{}/{}", Self::KIND, self.handle())
    }
}

/// Lines under a header.
pub fn table<T: Row>(items: &[T], now: Timestamp) -> String {
    lay_out(T::HEADER, items.iter().map(|item| item.cells(now)))
}

/// Cells under a header, aligned.
pub(crate) fn lay_out(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table
        .load_style(NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(header.to_vec());
    for row in rows {
        // A cell is one line, whatever is in it.
        table.add_row(row.iter().map(|cell| match clean(cell).trim() {
            "" => "-".to_owned(),
            cell => cell.replace(['\n', '\t'], " "),
        }));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 3));
    }
    table.trim_fmt()
}

/// `Name: value` lines, the values aligned.
pub fn fields(fields: &[(&str, String)]) -> String {
    let width = fields.iter().map(|(name, _)| name.len() + 1).max().unwrap_or(0);
    let lines = fields.iter().filter(|(_, value)| !value.is_empty());
    let lines: Vec<String> = lines
        .map(|(name, value)| format!("{:width$}  {}", format!("{name}:"), clean(value).replace('\n', " ")))
        .collect();
    lines.join("\n")
}
