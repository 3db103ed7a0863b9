//! What holds for every file: that it is not too long, and names no folder of one machine.

use std::{fs, path::Path};

use super::Finding;
use crate::{Outcome, workspace};

/// Longer is told.
const LONG: usize = 300;
/// Longer is refused: two ideas live in one file.
const TOO_LONG: usize = 500;

/// Where code that is made by a program lies.
const GENERATED: &str = "proto/src/gen/";

/// Folders that are there on a developer's machine only. Put together here, so that this file passes too.
const OF_ONE_MACHINE: [&str; 4] = [
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/fa", "rm/"),
    concat!("../sha", "red"),
];

/// Checks every file that is or could be committed.
pub(super) fn check() -> Outcome<Vec<Finding>> {
    let mut findings = Vec::new();
    for path in workspace::files()? {
        // What is no text has no lines and names nothing.
        let Ok(text) = fs::read_to_string(workspace::root().join(&path)) else {
            continue;
        };
        findings.extend(length(&path, &text));
        findings.extend(folders(&path, &text));
    }
    Ok(findings)
}

/// Counts the lines of hand-written code.
fn length(path: &Path, text: &str) -> Option<Finding> {
    let is_code = path
        .extension()
        .is_some_and(|extension| extension == "rs" || extension == "py");
    let lines = text.lines().count();
    if !is_code || lines <= LONG || path.starts_with(GENERATED) {
        return None;
    }
    let told = format!("{} has {lines} lines", path.display());
    Some(if lines > TOO_LONG {
        Finding::Error(format!("{told}, and none may have more than {TOO_LONG}"))
    } else {
        Finding::Warning(format!("{told}; aim at {LONG}"))
    })
}

/// Finds folders of one machine.
fn folders(path: &Path, text: &str) -> Vec<Finding> {
    if path == Path::new("Cargo.lock") {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        for folder in OF_ONE_MACHINE.iter().filter(|folder| names(line, folder)) {
            let told = format!("{}:{number} names {folder}, a folder of one machine", path.display());
            findings.push(Finding::Error(told));
        }
    }
    findings
}

/// Whether the line holds that path, and not as the end of a longer one.
fn names(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|before| before.is_alphanumeric() || "_-.}>~".contains(before))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_code_is_told_and_too_long_code_refused() {
        let of = |path: &str, lines: usize| length(Path::new(path), &"x\n".repeat(lines));
        assert_eq!(of("a.rs", 300), None);
        assert!(matches!(of("a.rs", 301), Some(Finding::Warning(_))));
        assert!(matches!(of("a.py", 500), Some(Finding::Warning(_))));
        assert!(matches!(of("a.rs", 501), Some(Finding::Error(_))));
        assert_eq!(of("requirements.txt", 501), None);
        assert_eq!(of("proto/src/gen/flow.v1.rs", 5000), None);
    }

    #[test]
    fn a_folder_of_one_machine_is_found_with_its_line() {
        let [work, root, _, shared] = OF_ONE_MACHINE;
        let text =
            format!("fine\nlet a = \"{work}x\";\n# see {shared}/DESIGN.md and {root}.cache\n/var/lib{work}run\n");
        let told: Vec<String> = folders(Path::new("a.rs"), &text)
            .into_iter()
            .map(|finding| match finding {
                Finding::Error(text) | Finding::Warning(text) => text,
            })
            .collect();
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(told[0].starts_with("a.rs:2 ") && told[1].starts_with("a.rs:3 ") && told[2].starts_with("a.rs:3 "));
        assert!(folders(Path::new("Cargo.lock"), &text).is_empty());
    }
}
