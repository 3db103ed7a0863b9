//! A page of the documentation, with the parts of it that are made.

use std::{env, fs, path::PathBuf};

pub(crate) struct Page {
    path: PathBuf,
    text: String,
    news: Vec<String>,
}

/// A function in a file of the repository, written `path/to/file.rs::function`.
#[derive(Debug)]
pub(crate) struct Named {
    file: PathBuf,
    function: String,
}

impl Named {
    pub(crate) fn is_there(&self) -> bool {
        let defined = format!("fn {}(", self.function);
        fs::read_to_string(&self.file).is_ok_and(|text| text.contains(&defined))
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

impl Page {
    pub(crate) fn read(name: &str) -> Self {
        let path = root().join("docs").join(name);
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self {
            path,
            text,
            news: Vec::new(),
        }
    }

    pub(crate) fn has(&self, text: &str) -> bool {
        self.text.contains(text)
    }

    /// Whether a table has a row for it.
    pub(crate) fn has_row(&self, word: &str) -> bool {
        self.text.lines().any(|line| line.starts_with(&format!("| `{word}` |")))
    }

    pub(crate) fn named_functions(&self) -> Vec<Named> {
        let spans = self.text.split('`').skip(1).step_by(2);
        let named = spans.filter_map(|span| span.split_once(".rs::"));
        named
            .map(|(file, function)| Named {
                file: root().join(format!("{file}.rs")),
                function: function.to_owned(),
            })
            .collect()
    }

    /// Puts what was made into its place, which two comments mark.
    pub(crate) fn settle(&mut self, name: &str, made: &str) {
        let (begin, end) = (format!("<!-- made: {name} -->\n"), "<!-- made until here -->");
        let from = self.text.find(&begin).unwrap_or_else(|| panic!("no place for {name}")) + begin.len();
        let to = from
            + self.text[from..]
                .find(end)
                .unwrap_or_else(|| panic!("{name} has no end"));
        if self.text[from..to] != *made {
            self.text.replace_range(from..to, made);
            self.news.push(name.to_owned());
        }
    }

    /// Nothing is to be kept where all was as it is made; otherwise it is written where that is asked for.
    pub(crate) fn keep(self) {
        if self.news.is_empty() {
            return;
        }
        let news = self.news.join(", ");
        let write = env::var("INSTA_UPDATE").is_ok_and(|update| update == "always");
        assert!(
            write,
            "{news} in {} is not what the code makes: write it anew with INSTA_UPDATE=always",
            self.path.display()
        );
        fs::write(&self.path, self.text).unwrap();
    }
}
