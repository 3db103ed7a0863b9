//! Reading a struct from the tree: where serde meets keys, sources and text.
//!
//! serde names a struct's fields when it asks for one. That is what unknown keys are found and
//! suggestions are made from; no list of settings is kept anywhere.

use std::collections::btree_map;

use serde::de::value::{MapAccessDeserializer, SeqDeserializer};
use serde::de::{self, DeserializeOwned, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, Visitor};
use toml::Value;

use super::describe::join;
use super::text;
use super::tree::{Content, Node};

use super::de_error::Error;
use super::trace::Trace;

pub(super) fn read<T: DeserializeOwned>(root: &Node, trace: &Trace) -> Result<T, Error> {
    let key = String::new();
    T::deserialize(Cursor { node: root, key, trace })
}

/// A place in the tree.
struct Cursor<'a> {
    node: &'a Node,
    key: String,
    trace: &'a Trace,
}

impl<'a> Cursor<'a> {
    /// The text, if the value is text of no type yet.
    fn text(&self) -> Option<&'a str> {
        self.node.text()
    }

    /// Reads `value` as if it stood in this place.
    fn instead<T>(&self, value: Value, read: impl FnOnce(Cursor<'_>) -> Result<T, Error>) -> Result<T, Error> {
        let node = Node::of_value(value, &self.node.source);
        read(Cursor {
            node: &node,
            key: self.key.clone(),
            trace: self.trace,
        })
    }

    /// Reads whatever there is, as it is.
    fn plain<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.node.content {
            Content::Leaf(Value::Array(_)) | Content::Array(_) => self.sequence(visitor),
            Content::Leaf(value) => Ok(value.clone().deserialize_any(visitor)?),
            Content::Table(_) => self.table(None, visitor),
        }
    }

    /// Reads text as the boolean or number that it stands for.
    fn scalar<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.text() {
            Some(text) => Ok(text::guess(text.trim()).deserialize_any(visitor)?),
            None => self.plain(visitor),
        }
    }

    fn sequence<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let items: Vec<Node> = match &self.node.content {
            Content::Array(items) => items.clone(),
            Content::Leaf(Value::Array(values)) => self.items(values.clone()),
            Content::Leaf(Value::String(text)) if self.node.source.is_text() => self.items(text::items(text)),
            _ => return self.plain(visitor),
        };
        let mut items = SeqDeserializer::new(items.iter().enumerate().map(|(index, node)| Cursor {
            node,
            key: format!("{}[{index}]", self.key),
            trace: self.trace,
        }));
        visitor.visit_seq(&mut items)
    }

    fn items(&self, values: Vec<Value>) -> Vec<Node> {
        let item = |value| Node::of_value(value, &self.node.source);
        values.into_iter().map(item).collect()
    }

    /// Reads a table; with `fields`, as a struct that has those and no others.
    fn table<'de, V: Visitor<'de>>(
        self,
        fields: Option<&'static [&'static str]>,
        visitor: V,
    ) -> Result<V::Value, Error> {
        let Content::Table(children) = &self.node.content else {
            if let Some(table) = self.text().and_then(text::table) {
                return self.instead(Value::Table(table), |cursor| cursor.table(fields, visitor));
            }
            return self.plain(visitor);
        };
        if let Some(fields) = fields {
            self.trace.note_struct(&self.key, children, fields);
        }
        let entries = Entries {
            fields,
            children: children.iter(),
            next: None,
            parent: &self.key,
            trace: self.trace,
        };
        visitor
            .visit_map(entries)
            .map_err(|error| error.at(&self.key, &self.node.source))
    }
}

/// The entries of a table, those of unknown fields left out.
struct Entries<'a> {
    fields: Option<&'static [&'static str]>,
    children: btree_map::Iter<'a, String, Node>,
    next: Option<(&'a str, &'a Node)>,
    parent: &'a str,
    trace: &'a Trace,
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let known = |name: &str| self.fields.is_none_or(|fields| fields.contains(&name));
        let Some((name, node)) = self.children.find(|(name, _)| known(name)) else {
            return Ok(None);
        };
        self.next = Some((name, node));
        let key = seed.deserialize(name.as_str().into_deserializer());
        key.map(Some)
            .map_err(|error: Error| error.at(&join(self.parent, name), &node.source))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        let Some((name, node)) = self.next.take() else {
            return Err(de::Error::custom("a value was asked for before its key"));
        };
        let key = join(self.parent, name);
        let cursor = Cursor {
            node,
            key: key.clone(),
            trace: self.trace,
        };
        seed.deserialize(cursor).map_err(|error| error.at(&key, &node.source))
    }
}

impl<'de> IntoDeserializer<'de, Error> for Cursor<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

macro_rules! forward {
    ($to:ident: $($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            let (key, source) = (self.key.clone(), self.node.source.clone());
            self.$to(visitor).map_err(|error| error.at(&key, &source))
        }
    )*};
}

impl<'de> Deserializer<'de> for Cursor<'_> {
    type Error = Error;

    forward!(scalar: deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64);
    forward!(scalar: deserialize_i128 deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64);
    forward!(scalar: deserialize_u128 deserialize_f32 deserialize_f64);
    forward!(plain: deserialize_char deserialize_str deserialize_string deserialize_identifier);
    forward!(plain: deserialize_bytes deserialize_byte_buf deserialize_unit);
    forward!(sequence: deserialize_seq);

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.text().map(text::guess) {
            // Still text after the guess, so that it cannot be guessed again.
            Some(Value::String(text)) => visitor.visit_string(text),
            Some(value) => self.instead(value, |cursor| cursor.plain(visitor)),
            None => self.plain(visitor),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.table(None, visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.table(Some(fields), visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let (key, source) = (self.key.clone(), self.node.source.clone());
        let read = match &self.node.content {
            Content::Table(children) => visitor.visit_enum(MapAccessDeserializer::new(Entries {
                fields: None,
                children: children.iter(),
                next: None,
                parent: &self.key,
                trace: self.trace,
            })),
            Content::Leaf(Value::String(text)) => match self.text().and_then(text::table) {
                Some(table) => self.instead(Value::Table(table), |cursor| {
                    cursor.deserialize_enum(name, variants, visitor)
                }),
                None => visitor.visit_enum(text.as_str().into_deserializer()),
            },
            Content::Leaf(_) | Content::Array(_) => self.plain(visitor),
        };
        read.map_err(|error| error.at(&key, &source))
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        self.plain(visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.sequence(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.sequence(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }
}
