//! Reading text, from a variable or an argument, as the TOML value that it stands for.

use toml::Value;

/// The value that `text` looks like: a boolean, a number, an array, an inline table, or itself.
pub(super) fn guess(text: &str) -> Value {
    match parsed(text) {
        // A date looks like one by accident; quotes belong to whoever wrote them.
        Some(Value::Datetime(_) | Value::String(_)) | None => Value::String(text.to_owned()),
        Some(value) => value,
    }
}

/// The items of a list, written as a TOML array or separated by commas.
pub(super) fn items(text: &str) -> Vec<Value> {
    if text.trim_start().starts_with('[')
        && let Some(Value::Array(items)) = parsed(text)
    {
        return items;
    }
    let parts = text.split(',').map(str::trim);
    parts
        .filter(|part| !part.is_empty())
        .map(|part| Value::String(part.to_owned()))
        .collect()
}

/// The entries of a table, written as a TOML inline table.
pub(super) fn table(text: &str) -> Option<toml::Table> {
    match parsed(text) {
        Some(Value::Table(table)) => Some(table),
        _ => None,
    }
}

fn parsed(text: &str) -> Option<Value> {
    // A line break would let the text smuggle in a second key.
    if text.contains(['\n', '\r']) {
        return None;
    }
    let mut table: toml::Table = toml::from_str(&format!("value = {text}")).ok()?;
    table.remove("value")
}
