//! Finds the line of a field like `participants[1].party`.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

/// The line, from 1, where the field stands, or the innermost thing around it that there is.
pub(super) fn line(text: &str, field: &str) -> Option<u64> {
    let root: Spanned<Node> = serde_saphyr::from_str(text).ok()?;
    let mut line = None;
    let mut node = root.value;
    for step in steps(field) {
        let (at, next) = match node {
            Node::Map(entries) => entries
                .into_iter()
                .find(|(key, _)| key.value == step)
                .map(|(key, value)| (key.referenced.line(), value.value)),
            Node::Seq(items) => step
                .parse()
                .ok()
                .and_then(|index| items.into_iter().nth(index))
                .map(|item| (item.referenced.line(), item.value)),
            Node::Leaf => None,
        }
        .map_or((line, None), |(at, next)| {
            (Some(at).filter(|line| *line > 0), Some(next))
        });
        line = at;
        match next {
            Some(next) => node = next,
            None => break,
        }
    }
    line
}

/// `a.b[2].c` as `a`, `b`, `2`, `c`.
fn steps(field: &str) -> impl Iterator<Item = &str> {
    field
        .split(['.', '['])
        .map(|step| step.trim_end_matches(']'))
        .filter(|step| !step.is_empty())
}

/// A document of which only the places are of interest.
enum Node {
    Map(Vec<(Spanned<String>, Spanned<Node>)>),
    Seq(Vec<Spanned<Node>>),
    Leaf,
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Places)
    }
}

struct Places;

macro_rules! leaves {
    ($($visit:ident: $type:ty),+) => {
        $(fn $visit<E>(self, _: $type) -> Result<Node, E> { Ok(Node::Leaf) })+
    };
}

impl<'de> Visitor<'de> for Places {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    leaves!(visit_bool: bool, visit_i64: i64, visit_i128: i128, visit_u64: u64, visit_u128: u128, visit_f64: f64, visit_str: &str, visit_bytes: &[u8]);

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Leaf)
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Leaf)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Node::Leaf)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Node::Map(entries))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Node::Seq(items))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_or_what_is_around_it() {
        let text = "name: x\ncommand:\n  - python\n  - train.py\nparticipants:\n- party: a\n- party: b\n  dataset: d\n";
        assert_eq!(line(text, "command[1]"), Some(4));
        assert_eq!(line(text, "participants[1].dataset"), Some(8));
        assert_eq!(line(text, "participants[0].dataset"), Some(6));
        assert_eq!(line(text, "command[9]"), Some(2));
        assert_eq!(line(text, "nothing"), None);
    }
}
