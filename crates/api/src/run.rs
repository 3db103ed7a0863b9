//! Runs, assignments, events and logs as the API shows them.

use flow_domain::{
    Assignment, AssignmentId, AssignmentState, Desired, PartyId, Progress, Reason, Run, RunId, RunState, TaskId,
    Timestamp, approval::Approval, run::Attempt, spec::Endpoints, template::HyperParameters,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One execution of a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RunView {
    /// Its id.
    pub id: RunId,
    /// The task.
    pub task: TaskId,
    /// The task's name when it was started.
    pub task_name: String,
    /// The task's revision that it runs.
    pub task_revision: u32,
    /// The framework.
    pub framework: String,
    /// Where it stands.
    pub state: RunState,
    /// Why.
    pub reason: Reason,
    /// In words.
    pub message: String,
    /// Of those that wait for the same, the higher goes first.
    #[serde(default)]
    pub priority: i32,
    /// Its place among all runs that wait to begin, from 1; absent if it does not wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<u64>,
    /// All attempts so far.
    pub attempts: Vec<Attempt>,
    /// How many attempts there may be, with those that were given back.
    pub max_attempts: u32,
    /// The parties that take part.
    pub parties: Vec<PartyId>,
    /// The hyper-parameters it runs with.
    pub hyperparameters: HyperParameters,
    /// Whether a user asked to cancel it.
    pub cancel_requested: bool,
    /// What was decided about it, where it asked for approval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<Approval>,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// Since when it is in its state.
    pub state_since: Timestamp,
    /// When its state expires.
    pub deadline: Option<Timestamp>,
    /// When it became final.
    pub ended_at: Option<Timestamp>,
}

impl From<Run> for RunView {
    fn from(run: Run) -> Self {
        let max_attempts = run.most_attempts();
        Self {
            id: run.id,
            task: run.task,
            task_name: run.task_name,
            task_revision: run.task_revision,
            framework: run.spec.profile.name,
            state: run.state,
            reason: run.reason,
            message: run.message,
            priority: run.spec.policies.priority,
            place: None,
            attempts: run.attempts,
            max_attempts,
            parties: run
                .spec
                .participants
                .into_iter()
                .map(|participant| participant.party)
                .collect(),
            hyperparameters: run.spec.hyperparameters,
            cancel_requested: run.cancel_requested,
            approval: run.approval,
            created_at: run.created_at,
            state_since: run.state_since,
            deadline: run.deadline,
            ended_at: run.ended_at,
        }
    }
}

/// One role of one attempt at one party.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AssignmentView {
    /// Its id.
    pub id: AssignmentId,
    /// The attempt, from 1.
    pub attempt: u32,
    /// How often this member was started anew within the attempt.
    pub incarnation: u32,
    /// The role's name in the profile.
    pub role: String,
    /// The party.
    pub party: PartyId,
    /// What the server wants.
    pub desired: Desired,
    /// Where it stands.
    pub state: AssignmentState,
    /// Why.
    pub reason: Reason,
    /// In words.
    pub message: String,
    /// Whether the profile's readiness is met.
    pub ready: bool,
    /// Where it listens.
    pub endpoints: Option<Endpoints>,
    /// Its exit code.
    pub exit_code: Option<i32>,
    /// How far it has come.
    pub progress: Progress,
    /// When it was planned.
    pub created_at: Timestamp,
    /// Since when it is in its state.
    pub state_since: Timestamp,
    /// When it became final.
    pub ended_at: Option<Timestamp>,
}

impl From<Assignment> for AssignmentView {
    fn from(assignment: Assignment) -> Self {
        Self {
            id: assignment.id,
            attempt: assignment.attempt,
            incarnation: assignment.incarnation,
            role: assignment.role,
            party: assignment.party,
            desired: assignment.desired,
            state: assignment.state,
            reason: assignment.reason,
            message: assignment.message,
            ready: assignment.ready,
            endpoints: assignment.endpoints,
            exit_code: assignment.exit_code,
            progress: assignment.progress,
            created_at: assignment.created_at,
            state_since: assignment.state_since,
            ended_at: assignment.ended_at,
        }
    }
}

/// Something that happened to a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EventView {
    /// Its place among the run's events, from 1.
    pub sequence: u64,
    /// When.
    pub at: Timestamp,
    /// The assignment it happened to, if not to the run itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignment: Option<AssignmentId>,
    /// The role of that assignment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The party of that assignment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub party: Option<PartyId>,
    /// The new state.
    pub state: String,
    /// Why.
    pub reason: Reason,
    /// In words.
    pub message: String,
}

/// One line of a member's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogLineView {
    /// When it was written, by the party's clock.
    pub at: Timestamp,
    /// The party.
    pub party: PartyId,
    /// The role.
    pub role: String,
    /// Whether it was written to stderr.
    pub stderr: bool,
    /// The line.
    pub text: String,
}
