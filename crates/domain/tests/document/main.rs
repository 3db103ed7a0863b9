//! What `docs/scheduling.md` says of the code is made of the code: its pictures and tables are drawn here and compared.
//! `INSTA_UPDATE=always cargo test -p flow-domain --test document` writes them anew, as it does with snapshots.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;

mod expiries;
mod page;
mod pictures;

use flow_domain::{AssignmentState, Deadlines, Reason, RunState};
use page::Page;

#[test]
fn the_pictures_and_tables_are_those_of_the_code() {
    let mut page = Page::read("scheduling.md");
    page.settle("run", &pictures::run());
    page.settle("assignment", &pictures::assignment());
    page.settle("deadlines", &expiries::table());
    page.keep();
}

#[test]
fn the_tests_that_the_page_names_exist() {
    let page = Page::read("scheduling.md");
    let named = page.named_functions();
    assert!(named.len() > 10, "{named:?}");
    let missing: Vec<_> = named.iter().filter(|named| !named.is_there()).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// The tables for operators are written by hand, in more words; none of their rows may be forgotten.
#[test]
fn operators_find_every_state_reason_and_deadline() {
    let page = Page::read("operations.md");
    let states = RunState::ALL.iter().map(ToString::to_string);
    let states = states.chain(AssignmentState::ALL.iter().map(ToString::to_string));
    let reasons = Reason::ALL.iter().map(ToString::to_string);
    let deadlines = Deadlines::ALL.iter().map(|deadline| deadline.name.to_owned());
    let words = states.chain(reasons).chain(deadlines);
    let missing: Vec<String> = words.filter(|word| !page.has_row(word)).collect();
    assert_eq!(missing, Vec::<String>::new(), "no row in docs/operations.md");
    let said = |reason: &&Reason| page.has(&format!("| `{reason}` | {} |", reason.meaning()));
    let others: Vec<&Reason> = Reason::ALL.iter().filter(|reason| !said(reason)).collect();
    assert_eq!(others, Vec::<&Reason>::new(), "another meaning in docs/operations.md");
}
