//! The API's things as lines of tables.

use flow_api::{AssignmentView, PartyView, RunView, TaskView, TemplateView};
use flow_domain::{Timestamp, party::Liveness, template::HyperParameters};

use super::{age, table::Row, table::lay_out};

impl Row for TemplateView {
    const KIND: &'static str = "template";
    const PLURAL: &'static str = "templates";
    const HEADER: &'static [&'static str] = &["NAME", "FRAMEWORK", "REVISION", "AGE", "REMARK"];

    fn handle(&self) -> String {
        self.spec.name.to_string()
    }

    fn cells(&self, now: Timestamp) -> Vec<String> {
        vec![
            self.spec.name.to_string(),
            self.spec.framework.clone(),
            self.revision.to_string(),
            age(self.created_at, now),
            self.spec.remark.clone(),
        ]
    }
}

impl Row for TaskView {
    const KIND: &'static str = "task";
    const PLURAL: &'static str = "tasks";
    const HEADER: &'static [&'static str] = &["NAME", "TEMPLATE", "PARTIES", "REVISION", "AGE", "REMARK"];

    fn handle(&self) -> String {
        self.spec.name.to_string()
    }

    fn cells(&self, now: Timestamp) -> Vec<String> {
        let parties = self
            .spec
            .participants
            .iter()
            .map(|participant| participant.party.as_str());
        let chosen = self.spec.select.as_ref().map(|_| "(selected)");
        vec![
            self.spec.name.to_string(),
            self.spec.template.clone(),
            shorten(parties.chain(chosen)),
            self.revision.to_string(),
            age(self.created_at, now),
            self.spec.remark.clone(),
        ]
    }
}

impl Row for RunView {
    const KIND: &'static str = "run";
    const PLURAL: &'static str = "runs";
    const HEADER: &'static [&'static str] = &["ID", "TASK", "STATE", "REASON", "ATTEMPT", "AGE"];

    fn handle(&self) -> String {
        self.id.to_string()
    }

    fn cells(&self, now: Timestamp) -> Vec<String> {
        vec![
            self.id.to_string(),
            self.task_name.clone(),
            self.state.to_string(),
            self.reason.to_string(),
            format!("{}/{}", self.attempts.len(), self.max_attempts),
            age(self.created_at, now),
        ]
    }
}

impl Row for PartyView {
    const KIND: &'static str = "party";
    const PLURAL: &'static str = "parties";
    const HEADER: &'static [&'static str] = &["NAME", "LIVENESS", "SINCE", "DATASETS", "AGENT"];

    fn handle(&self) -> String {
        self.id.to_string()
    }

    fn cells(&self, now: Timestamp) -> Vec<String> {
        let liveness = match self.liveness {
            Liveness::Online => "Online",
            Liveness::Suspect => "Suspect",
            Liveness::Offline => "Offline",
        };
        vec![
            self.id.to_string(),
            liveness.to_owned(),
            age(self.since, now),
            shorten(self.datasets.iter().map(String::as_str)),
            self.agent_version.clone(),
        ]
    }
}

/// The members of a run, those of the newest attempt first.
pub fn members(assignments: &[AssignmentView], now: Timestamp) -> String {
    let mut assignments: Vec<&AssignmentView> = assignments.iter().collect();
    assignments.sort_by_key(|member| std::cmp::Reverse((member.attempt, member.incarnation)));
    let rows = assignments.into_iter().map(|member| {
        vec![
            member.attempt.to_string(),
            member.role.clone(),
            member.party.to_string(),
            member.state.to_string(),
            member.reason.to_string(),
            member.exit_code.map_or_else(String::new, |code| code.to_string()),
            rounds(member),
            scalars(member),
            age(member.state_since, now),
        ]
    });
    let header = [
        "ATTEMPT", "ROLE", "PARTY", "STATE", "REASON", "EXIT", "ROUND", "METRICS", "SINCE",
    ];
    lay_out(&header, rows)
}

fn rounds(member: &AssignmentView) -> String {
    let progress = &member.progress;
    match (progress.round, progress.total) {
        (0, None) => String::new(),
        (round, None) => round.to_string(),
        (round, Some(total)) => format!("{round}/{total}"),
    }
}

/// The newest metrics of a member, as `accuracy=0.9512 loss=0.1600`.
pub fn scalars(member: &AssignmentView) -> String {
    let metrics = member.progress.metrics.iter();
    let metrics: Vec<String> = metrics.map(|(name, value)| format!("{name}={value:.4}")).collect();
    metrics.join(" ")
}

/// Hyper-parameters as `epochs=10 lr=0.5`.
pub(crate) fn parameters(parameters: &HyperParameters) -> String {
    let parameters = parameters.iter().map(|(name, value)| format!("{name}={value}"));
    parameters.collect::<Vec<_>>().join(" ")
}

/// The first few, and how many there are beyond.
fn shorten<'a>(names: impl Iterator<Item = &'a str>) -> String {
    const SHOWN: usize = 4;
    let names: Vec<&str> = names.collect();
    match names.get(..SHOWN) {
        Some(first) if names.len() > SHOWN => format!("{} +{}", first.join(","), names.len() - SHOWN),
        _ => names.join(","),
    }
}
