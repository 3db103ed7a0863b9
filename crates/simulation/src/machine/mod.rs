//! What the parties' machines are: jobs as scripts over simulated time, and a launcher that runs them. Machines outlive their agents.

mod ground;
mod job;
mod launcher;
mod life;
mod script;
#[cfg(test)]
mod tests;
mod trouble;

pub(crate) use self::{
    ground::{Ground, LiveJob},
    launcher::SimLauncher,
    script::Temper,
    trouble::Trouble,
};
