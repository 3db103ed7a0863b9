//! Deterministic simulation of the whole platform: the real server and the real agents, on a simulated network, over a store in
//! memory, in simulated time, with jobs that are scripts.
//!
//! A seed stands for one world: its parties and what they offer, tasks, who is to take part in them and whether runs are approved,
//! what users ask for, how each job goes, and what fails when. Links are cut, delayed and lossy; programs are killed at any touch
//! of the world outside of them; machines lose their power; clocks are set; the database is slow, away, or loses its answers. At
//! every change of a run, and at every start of a job, the promises in [`Rule`] are checked; once the faults stop, every run has to
//! end. The same seed does exactly the same again.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test ends there"))]

mod check;
mod gate;
mod history;
mod machine;
mod plan;
mod simulate;
mod time;
mod world;

pub use self::{
    check::{Rule, Violation},
    simulate::{Verdict, simulate},
    time::Moment,
};
