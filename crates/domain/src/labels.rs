//! Labels: what a party says of itself, for tasks to choose parties by.

use std::collections::BTreeMap;

/// Values by key, such as `region: eu`.
pub type Labels = BTreeMap<String, String>;

/// The most labels of a party, or of a selection.
pub const MOST: usize = 32;

/// The longest key, and the longest value, in bytes.
pub const LONGEST: usize = 63;

/// What is wrong with them, in words; `None` if nothing is.
pub fn problem(labels: &Labels) -> Option<String> {
    if labels.len() > MOST {
        return Some(format!("more than {MOST} labels"));
    }
    let wrong = labels.iter().find(|(key, value)| !is_label(key, value));
    wrong.map(|(key, value)| {
        let said: String = format!("{key}={value}").chars().take(LONGEST).collect();
        format!(
            "'{said}' is no label: use up to {LONGEST} of a-z, A-Z, 0-9, '_', '-', '.' and '/' for key and value, a letter or digit first in the key"
        )
    })
}

/// Whether it is one.
pub fn is_label(key: &str, value: &str) -> bool {
    let clean = |text: &str| {
        let fits = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
        text.len() <= LONGEST && text.chars().all(fits)
    };
    key.starts_with(|c: char| c.is_ascii_alphanumeric()) && clean(key) && clean(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_label_is_named() {
        let of = |key: &str, value: &str| problem(&[(key.to_owned(), value.to_owned())].into());
        assert_eq!(of("region", "eu-1"), None);
        assert_eq!(of("example.org/tier", ""), None);
        for (key, value) in [("", "x"), ("-a", "x"), ("a b", "x"), ("a", "x y"), ("größe", "x")] {
            assert!(of(key, value).unwrap().contains("is no label"), "{key}={value}");
        }
        assert!(of(&"k".repeat(64), "x").is_some() && of("k", &"x".repeat(64)).is_some());
        let many: Labels = (0..33).map(|n| (format!("k{n}"), String::new())).collect();
        assert_eq!(problem(&many).unwrap(), "more than 32 labels");
    }
}
