//! The pure heart of Iflearner Flow: ids, values, state machines and the planner.
//!
//! Nothing here reads a clock, draws a random number, or does I/O; time and ids come in as arguments.
//! Everything around this crate only loads, applies and stores (see `docs/architecture.md`).

pub mod approval;
pub mod assignment;
pub mod code;
pub mod gang;
pub mod ids;
pub mod labels;
pub mod meaning;
pub mod nearest;
pub mod party;
pub mod phase;
pub mod policy;
pub mod profile;
pub mod progress;
pub mod queue;
pub mod reason;
pub mod resources;
pub mod run;
pub mod spec;
pub mod task;
pub mod template;
pub mod time;
pub mod validate;
pub mod why;

pub use assignment::{Assignment, AssignmentState, Desired};
pub use code::ErrorCode;
pub use ids::{AssignmentId, Name, PartyId, RunId, TaskId, TemplateId};
pub use policy::{Deadlines, Policies};
pub use profile::Profile;
pub use progress::Progress;
pub use reason::Reason;
pub use resources::Resources;
pub use run::{Outcome, Run, RunState};
pub use spec::{AssignmentSpec, RunSpec};
pub use task::{Participant, Task, TaskSpec};
pub use template::{Template, TemplateSpec};
pub use time::{Span, Timestamp};
