//! What every Cargo.toml of the workspace says.

use std::{collections::BTreeSet, fs, path::Path};

use super::Finding;
use crate::{
    Outcome,
    workspace::{self, Metadata},
};

/// That unsafe code is forbidden, and that every crate takes over the workspace's lints.
pub(super) fn check(metadata: &Metadata) -> Outcome<Vec<Finding>> {
    let mut findings = Vec::new();
    if !forbids_unsafe(&read(&workspace::root().join("Cargo.toml"))?) {
        let rule = "Cargo.toml must have `unsafe_code = \"forbid\"` in [workspace.lints.rust]";
        findings.push(Finding::Error(rule.to_owned()));
    }
    let members: BTreeSet<&str> = metadata.workspace_members.iter().map(String::as_str).collect();
    for package in metadata
        .packages
        .iter()
        .filter(|package| members.contains(package.id.as_str()))
    {
        if !inherits_lints(&read(&package.manifest_path)?) {
            let rule = format!("{}'s Cargo.toml must have `workspace = true` in [lints]", package.name);
            findings.push(Finding::Error(rule));
        }
    }
    Ok(findings)
}

fn read(path: &Path) -> Outcome<toml::Table> {
    let text = fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    Ok(text.parse().map_err(|error| format!("{}: {error}", path.display()))?)
}

fn at<'a>(table: &'a toml::Table, path: &[&str]) -> Option<&'a toml::Value> {
    let (last, folders) = path.split_last()?;
    let folder = folders
        .iter()
        .try_fold(table, |table, key| table.get(*key)?.as_table())?;
    folder.get(*last)
}

fn forbids_unsafe(root: &toml::Table) -> bool {
    // With a priority, it is a table.
    let lint = ["workspace", "lints", "rust", "unsafe_code"];
    let level = at(root, &lint).and_then(|value| value.as_str().or_else(|| value.get("level")?.as_str()));
    level == Some("forbid")
}

fn inherits_lints(manifest: &toml::Table) -> bool {
    at(manifest, &["lints", "workspace"]).and_then(toml::Value::as_bool) == Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> toml::Table {
        text.parse().unwrap()
    }

    #[test]
    fn lints_are_inherited_or_not() {
        assert!(inherits_lints(&table("[lints]\nworkspace = true")));
        for other in [
            "",
            "[lints]\nworkspace = false",
            "[lints.rust]\nunsafe_code = \"forbid\"",
        ] {
            assert!(!inherits_lints(&table(other)), "{other}");
        }
    }

    #[test]
    fn unsafe_code_is_forbidden_or_not() {
        assert!(forbids_unsafe(&table(
            "[workspace.lints.rust]\nunsafe_code = \"forbid\""
        )));
        assert!(forbids_unsafe(&table(
            "[workspace.lints.rust]\nunsafe_code = { level = \"forbid\", priority = 1 }"
        )));
        for other in [
            "",
            "[workspace.lints.rust]\nunsafe_code = \"deny\"",
            "[lints.rust]\nunsafe_code = \"forbid\"",
        ] {
            assert!(!forbids_unsafe(&table(other)), "{other}");
        }
    }
}
