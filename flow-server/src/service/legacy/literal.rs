//! Commands as `/api/v1` has them: taken as they are written, but for the placeholders that mean something.

use flow_domain::profile::expand::escape;

/// What a command may ask for.
const KNOWN: [&str; 8] = [
    "dataset.path",
    "party.name",
    "party.index",
    "parties.count",
    "run.id",
    "task.name",
    "attempt",
    "work.dir",
];

/// The element of a template that expands to this text.
pub(super) fn of_text(text: &str) -> String {
    let mut element = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        element.push_str(&escape(before));
        let known = KNOWN
            .into_iter()
            .find(|name| after.strip_prefix(name).is_some_and(|end| end.starts_with('}')));
        match known {
            Some(name) => {
                element.push_str(&format!("{{{name}}}"));
                rest = &after[name.len() + 1..];
            }
            None => {
                element.push_str("{{");
                rest = after;
            }
        }
    }
    element.push_str(&escape(rest));
    element
}

/// The text that an element of a template was made of.
pub(super) fn text(element: &str) -> String {
    element.replace("{{", "{").replace("}}", "}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_stay_and_known_placeholders_work() {
        for (text_of, element) in [
            ("plain", "plain"),
            ("--config={\"a\": {}}", "--config={{\"a\": {{}}}}"),
            ("--data={dataset.path}/x", "--data={dataset.path}/x"),
            ("{dataset.path", "{{dataset.path"),
            ("{other}", "{{other}}"),
        ] {
            assert_eq!(of_text(text_of), element);
            assert_eq!(text(element), text_of);
        }
    }
}
