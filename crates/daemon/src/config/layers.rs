//! Collecting the layers.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use toml::Value;

use super::de;
use super::describe::{self, Loaded};
use super::trace::Trace;
use super::tree::{Node, line_at};
use super::{ConfigError, Problem, Source};

const LARGEST_FILE: u64 = 1 << 20;

/// Collects the layers of a configuration, the weakest first, and reads a struct from them.
///
/// Problems are kept until [`Layers::load`], so that one run shows as many as possible.
#[derive(Debug)]
pub struct Layers {
    prefix: String,
    root: Node,
    secrets: Vec<String>,
    problems: Vec<Problem>,
}

/// The configuration of a program: its defaults, under the file that is named, under the environment's variables with the prefix, under the
/// command line's `--set`.
///
/// # Errors
/// Everything that is wrong with any of them.
pub fn of_program<T: Default + Serialize + DeserializeOwned>(
    prefix: &str,
    file: Option<&Path>,
    set: &[String],
) -> Result<Loaded<T>, ConfigError> {
    let mut layers = Layers::new(prefix).defaults(&T::default());
    if let Some(path) = file {
        layers = layers.file(path, true);
    }
    layers.env(std::env::vars()).set_arguments(set).load()
}

impl Layers {
    /// For a daemon whose environment variables are named `<prefix>__SECTION__KEY`.
    pub fn new(prefix: &str) -> Self {
        Self {
            prefix: prefix.to_owned(),
            root: Node::empty(),
            secrets: Vec::new(),
            problems: Vec::new(),
        }
    }

    /// Takes each value of `defaults` as the default of the setting of that name.
    #[must_use]
    pub fn defaults<T: Serialize>(mut self, defaults: &T) -> Self {
        match toml::Table::try_from(defaults) {
            Ok(table) => self.root.merge(Node::of_value(Value::Table(table), &Source::Default)),
            Err(error) => self.problems.push(Problem::Defaults(error)),
        }
        self
    }

    /// Lays a TOML file on top. A missing one is an error only where it is `required`.
    #[must_use]
    pub fn file(mut self, path: &Path, required: bool) -> Self {
        match read_file(path, required) {
            Ok(Some(node)) => self.root.merge(node),
            Ok(None) => {}
            Err(problem) => self.problems.push(problem),
        }
        self
    }

    /// Lays the environment's variables that have the prefix on top; pass [`std::env::vars`].
    #[must_use]
    pub fn env(mut self, variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let with_separator = format!("{}__", self.prefix);
        let almost = format!("{}_", self.prefix);
        let mut variables: Vec<_> = variables.into_iter().collect();
        // The outcome must not depend on the order of the environment.
        variables.sort();
        for (name, value) in variables {
            if let Some(key) = name.strip_prefix(&with_separator) {
                let key = key.to_lowercase();
                let source = Source::Env(name);
                self.lay_text(key.rsplit("__"), value, &source);
            } else if let Some(key) = name.strip_prefix(&almost)
                && key.contains("__")
            {
                // One underscore too few. Other variables that merely start alike, such as
                // those that Kubernetes makes for a service, hold no double underscore.
                let meant = format!("{with_separator}{key}");
                self.problems.push(Problem::Prefix { found: name, meant });
            }
        }
        self
    }

    /// Lays explicit settings on top: pairs of a dotted key and its value as text.
    #[must_use]
    pub fn set<K, V>(mut self, pairs: impl IntoIterator<Item = (K, V)>) -> Self
    where
        K: AsRef<str>,
        V: Into<String>,
    {
        for (key, value) in pairs {
            self.lay_text(key.as_ref().rsplit('.'), value.into(), &Source::Flag);
        }
        self
    }

    /// Lays `--set` arguments on top, each `key=value`.
    #[must_use]
    pub fn set_arguments<A: AsRef<str>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        for argument in arguments {
            let argument = argument.as_ref();
            match argument.split_once('=') {
                Some((key, value)) => self = self.set([(key.trim(), value)]),
                None => self.problems.push(Problem::Value {
                    key: argument.to_owned(),
                    from: Source::Flag,
                    message: "has no value: write it as key=value".to_owned(),
                }),
            }
        }
        self
    }

    /// Marks a dotted key as secret: its value is never shown. Keys that sound like one, such as
    /// `password`, need no mark.
    #[must_use]
    pub fn secret(mut self, key: &str) -> Self {
        self.secrets.push(key.to_owned());
        self
    }

    /// Reads the settings.
    ///
    /// # Errors
    /// With every unknown key, every problem noted so far, and the first value that does not fit.
    pub fn load<T: DeserializeOwned>(self) -> Result<Loaded<T>, ConfigError> {
        let Self {
            prefix,
            root,
            secrets,
            mut problems,
        } = self;
        let trace = Trace::default();
        let read = de::read::<T>(&root, &trace);
        problems.extend(trace.unknown());
        match read {
            Ok(value) if problems.is_empty() => Ok(Loaded {
                value,
                sources: describe::settings(&root, &trace, &secrets),
            }),
            Ok(_) => Err(ConfigError::new(problems)),
            Err(error) => {
                problems.push(error.into_problem(&prefix, &secrets));
                Err(ConfigError::new(problems))
            }
        }
    }

    fn lay_text<'k>(&mut self, innermost_first: impl Iterator<Item = &'k str>, value: String, source: &Source) {
        let node = Node::at_key(innermost_first, Value::String(value), source);
        self.root.merge(node);
    }
}

fn read_file(path: &Path, required: bool) -> Result<Option<Node>, Problem> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(LARGEST_FILE + 1).read_to_end(&mut bytes));
    let text = read.and_then(|_| String::from_utf8(bytes).map_err(std::io::Error::other));
    let text = match text {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !required => return Ok(None),
        Err(source) => {
            let path = path.to_owned();
            return Err(Problem::Read { path, source });
        }
    };
    if text.len() as u64 > LARGEST_FILE {
        return Err(Problem::TooLarge(path.to_owned()));
    }
    // Not the whole of the parser's message: that quotes the line, which may hold a secret.
    let syntax = |error: toml::de::Error| Problem::Syntax {
        path: path.to_owned(),
        line: line_at(&text, error.span().map_or(0, |span| span.start)),
        message: error.message().to_owned(),
    };
    let table = toml::from_str(&text).map_err(syntax)?;
    Node::of_file(path, &text, table).map(Some).map_err(syntax)
}
