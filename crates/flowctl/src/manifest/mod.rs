//! Input files: YAML or JSON, read strictly. What is wrong is named with its line, its key and the nearest right one.

mod locate;
mod split;
mod strict;

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use serde::de::DeserializeOwned;

use crate::Failure;

/// A larger file is no list of templates or tasks.
const LARGEST: u64 = 1 << 20;

/// One document of an input file.
#[derive(Debug)]
pub struct Document<T> {
    /// What it says.
    pub content: T,
    origin: Origin,
}

/// Where a document comes from.
#[derive(Debug, Clone)]
struct Origin {
    /// The file, as errors name it.
    file: String,
    /// How many lines of the file are before the document.
    before: u64,
    /// Its text.
    text: String,
}

impl<T> Document<T> {
    /// Says of each broken rule in which line its field stands, where that can be told.
    pub fn locate(&self, failure: Failure) -> Failure {
        let Origin { file, before, text } = &self.origin;
        failure.with(|told| {
            for detail in &mut told.details {
                let line = detail.split_once(": ").and_then(|(field, _)| locate::line(text, field));
                if let Some(line) = line {
                    *detail = format!("{file}:{}: {detail}", line + before);
                }
            }
        })
    }
}

/// Reads all documents of a file; `-` is the standard input.
///
/// # Errors
/// A file that cannot be read or is too large, and anything in it that is not as it should be. Then nothing is answered.
pub fn read<T: DeserializeOwned>(path: &Path) -> Result<Vec<Document<T>>, Failure> {
    let (name, text) = if path == Path::new("-") {
        ("<stdin>".to_owned(), bounded(io::stdin().lock()))
    } else {
        (path.display().to_string(), File::open(path).and_then(bounded))
    };
    let text = text.map_err(|error| Failure::invalid(format!("cannot read {name}")).because(error))?;
    parse(&name, &text)
}

/// Reads all documents of a text.
///
/// # Errors
/// As [`read`].
pub fn parse<T: DeserializeOwned>(file: &str, text: &str) -> Result<Vec<Document<T>>, Failure> {
    let documents = split::documents(text);
    if documents.is_empty() {
        return Err(Failure::invalid(format!("{file} is empty")));
    }
    let documents = documents.into_iter().map(|(before, text)| {
        let content = strict::read(text).map_err(|wrong| {
            let line = wrong
                .line
                .map_or_else(String::new, |line| format!("{}:", line + before));
            Failure::invalid(format!("{file}:{line} {}", wrong.message))
        })?;
        let origin = Origin {
            file: file.to_owned(),
            before,
            text: text.to_owned(),
        };
        Ok(Document { content, origin })
    });
    documents.collect()
}

fn bounded(source: impl Read) -> io::Result<String> {
    let mut bytes = Vec::new();
    source.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        return Err(io::Error::other("it is larger than 1 MiB"));
    }
    String::from_utf8(bytes).map_err(|_| io::Error::other("it is not UTF-8 text"))
}
