//! Placeholders in argument lists. Each element expands by itself: no shell, no splitting, no second pass.

use std::collections::BTreeMap;

use crate::nearest;

/// What is wrong with a text that has placeholders.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// The placeholder means nothing here.
    #[error("unknown placeholder '{{{placeholder}}}'{hint}")]
    Unknown {
        /// Its name.
        placeholder: String,
        /// The nearest right one, as a half sentence.
        hint: String,
    },
    /// A placeholder that stands for several arguments was put inside one.
    #[error("'{{{placeholder}}}' stands for several arguments: let it be an element of its own")]
    Splice {
        /// Its name.
        placeholder: String,
    },
    /// A brace without its partner.
    #[error("unbalanced brace in '{text}': write '{{{{' or '}}}}' for a brace itself")]
    Unbalanced {
        /// The text.
        text: String,
    },
}

/// What placeholders stand for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Values {
    /// One text each.
    pub single: BTreeMap<String, String>,
    /// Any number of arguments each.
    pub many: BTreeMap<String, Vec<String>>,
}

impl Values {
    /// Sets a placeholder that stands for one text.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.single.insert(name.into(), value.into());
    }

    fn unknown(&self, placeholder: &str) -> TemplateError {
        let known = self.single.keys().chain(self.many.keys());
        TemplateError::Unknown {
            placeholder: placeholder.to_owned(),
            hint: nearest::hint(placeholder, known.map(String::as_str)),
        }
    }

    /// Expands a text that stays one text.
    ///
    /// # Errors
    /// Unknown placeholders, placeholders for several arguments, unbalanced braces.
    pub fn text(&self, template: &str) -> Result<String, TemplateError> {
        let mut out = String::with_capacity(template.len());
        for piece in pieces(template)? {
            match piece {
                Piece::Literal(text) => out.push_str(text),
                Piece::Placeholder(name) => match self.single.get(name) {
                    Some(value) => out.push_str(value),
                    None if self.many.contains_key(name) => {
                        return Err(TemplateError::Splice {
                            placeholder: name.to_owned(),
                        });
                    }
                    None => return Err(self.unknown(name)),
                },
            }
        }
        Ok(out)
    }

    /// Expands one element of an argument list, which may become several or none.
    ///
    /// # Errors
    /// As [`Values::text`].
    pub fn element(&self, template: &str) -> Result<Vec<String>, TemplateError> {
        if let [Piece::Placeholder(name)] = pieces(template)?.as_slice()
            && let Some(many) = self.many.get(*name)
        {
            return Ok(many.clone());
        }
        Ok(vec![self.text(template)?])
    }
}

enum Piece<'a> {
    Literal(&'a str),
    Placeholder(&'a str),
}

fn pieces(text: &str) -> Result<Vec<Piece<'_>>, TemplateError> {
    let unbalanced = || TemplateError::Unbalanced {
        text: text.chars().take(200).collect(),
    };
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        let (before, after) = rest.split_at(at);
        if !before.is_empty() {
            out.push(Piece::Literal(before));
        }
        if after.starts_with("{{") || after.starts_with("}}") {
            out.push(Piece::Literal(&after[..1]));
            rest = &after[2..];
            continue;
        }
        let end = after
            .find('}')
            .filter(|_| after.starts_with('{'))
            .ok_or_else(unbalanced)?;
        let name = &after[1..end];
        if name.contains('{') {
            return Err(unbalanced());
        }
        out.push(Piece::Placeholder(name));
        rest = &after[end + 1..];
    }
    if !rest.is_empty() {
        out.push(Piece::Literal(rest));
    }
    Ok(out)
}

/// `text` such that it expands to itself.
pub fn escape(text: &str) -> String {
    text.replace('{', "{{").replace('}', "}}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn values() -> Values {
        let mut values = Values::default();
        values.set("party.name", "party a; rm -rf {x}");
        values
            .many
            .insert("command".into(), vec!["python".into(), "a b.py".into()]);
        values
    }

    #[test]
    fn an_element_expands_by_itself_and_only_once() {
        assert_eq!(
            values().element("--name={party.name}").unwrap(),
            ["--name=party a; rm -rf {x}"]
        );
        assert_eq!(values().element("{command}").unwrap(), ["python", "a b.py"]);
        assert_eq!(values().element("{{\"a\": 1}}").unwrap(), ["{\"a\": 1}"]);
    }

    #[test]
    fn mistakes_are_named() {
        let unknown = values().element("{party.nam}").unwrap_err().to_string();
        assert!(unknown.contains("did you mean 'party.name'"), "{unknown}");
        assert!(matches!(
            values().element("x{command}"),
            Err(TemplateError::Splice { .. })
        ));
        for open in ["{", "}", "{a", "a}", "{a{b}}"] {
            assert!(
                matches!(values().element(open), Err(TemplateError::Unbalanced { .. })),
                "{open}"
            );
        }
    }

    proptest! {
        #[test]
        fn an_escaped_text_expands_to_itself(text in ".*") {
            prop_assert_eq!(Values::default().text(&escape(&text)), Ok(text));
        }

        #[test]
        fn any_text_is_an_answer_and_never_a_panic(text in ".*") {
            let _ = values().element(&text);
        }
    }
}
