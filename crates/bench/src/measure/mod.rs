//! The measurements, each with its letter in docs/benchmarks.md.

mod dispatch;
mod idle;
mod lists;
mod restart;
mod throughput;

use std::io::{self, Write};

use crate::{
    Outcome,
    database::{Databases, note},
    figures::{Row, table},
    options::{Dispatch, Kind, Letter, Options},
    process::Machine,
};

/// Carries out all that is asked for, and prints each as soon as it is there.
pub(crate) async fn all(asked: &Dispatch, options: &Options, databases: &Databases) -> Outcome {
    for letter in [Letter::A, Letter::B, Letter::C, Letter::D, Letter::E] {
        if !asked.wants(letter) {
            continue;
        }
        for kind in options.kinds() {
            note(&format!("measuring ({}) on {} …", letter.name(), kind.name()));
            let before = Machine::now()?;
            let mut rows = one(letter, kind, options, databases).await?;
            rows.push(Row::beside(
                "processor time that the host withheld, of what was wanted",
                Machine::withheld_since(before)?,
            ));
            let title = format!("({}) {}, {}", letter.name(), title(letter), kind.name());
            writeln!(io::stdout(), "\n{}", table(&title, &rows))?;
        }
    }
    Ok(())
}

fn title(letter: Letter) -> &'static str {
    match letter {
        Letter::A => "from the start to the desired state at all parties",
        Letter::B => "starts of two-party runs a second",
        Letter::C => "idle agents",
        Letter::D => "restart with a full queue",
        Letter::E => "a page of the list of runs",
    }
}

async fn one(letter: Letter, kind: Kind, options: &Options, databases: &Databases) -> Outcome<Vec<Row>> {
    match letter {
        Letter::A => dispatch::measure(kind, options, databases).await,
        Letter::B => throughput::measure(kind, options, databases).await,
        Letter::C => idle::measure(kind, options, databases).await,
        Letter::D => restart::measure(kind, options, databases).await,
        Letter::E => lists::measure(kind, options, databases).await,
    }
}
