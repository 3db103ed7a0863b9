//! Takes a file of several YAML documents apart.

/// The documents of a text that say anything, each with the number of lines before it.
///
/// A line that begins with `---` or `...` separates documents wherever it stands: YAML allows neither within one.
pub(super) fn documents(text: &str) -> Vec<(u64, &str)> {
    let mut documents = Vec::new();
    let (mut start, mut before) = (0, 0);
    let (mut offset, mut line) = (0, 0);
    for content in text.split_inclusive('\n') {
        if is_marker(content, "---") || is_marker(content, "...") {
            documents.push((before, &text[start..offset]));
            // The marker itself opens the next document: content may follow on its line.
            (start, before) = (offset, line);
            if is_marker(content, "...") {
                (start, before) = (offset + content.len(), line + 1);
            }
        }
        offset += content.len();
        line += 1;
    }
    documents.push((before, &text[start..]));
    documents.retain(|(_, text)| says_anything(text));
    documents
}

fn is_marker(line: &str, marker: &str) -> bool {
    line.strip_prefix(marker)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
}

fn says_anything(text: &str) -> bool {
    text.lines().any(|line| {
        let line = line.strip_prefix("---").unwrap_or(line);
        let line = line.trim_start_matches('\u{feff}').trim();
        !line.is_empty() && !line.starts_with('#')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_keep_their_place() {
        let text = "# head\n---\na: 1\n--- # next\nb: |\n  --- not a marker\n---\n# nothing\n...\nc: 3";
        assert_eq!(
            documents(text),
            [
                (1, "---\na: 1\n"),
                (3, "--- # next\nb: |\n  --- not a marker\n"),
                (9, "c: 3"),
            ]
        );
        assert_eq!(documents("\n# only a remark\n---\n"), []);
        assert_eq!(documents("--- {a: 1}"), [(0, "--- {a: 1}")]);
    }
}
