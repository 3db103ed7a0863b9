//! Checks templates and tasks, and resolves both into what a run is started with.

use std::collections::BTreeSet;

use crate::{
    ids::PartyId,
    meaning::Meaning,
    nearest,
    policy::Policies,
    profile::{self, Arg, Profile},
    run::StartOptions,
    spec::{self, RunSpec},
    task::TaskSpec,
    template::{HyperParameters, Scalar, TemplateSpec},
};

/// One rule that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The field, as a path like `participants[1].party`.
    pub field: String,
    /// What is wrong and what would be right.
    pub problem: String,
}

/// All rules that were broken; never empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(|v| format!("{}: {}", v.field, v.problem)).collect::<Vec<_>>().join("; "))]
pub struct Violations(pub Vec<Violation>);

/// How large things may be. Beyond the first refusal these keep every stored row small.
pub mod limits {
    /// Participants of a task.
    pub const PARTICIPANTS: usize = 200;
    /// Elements of a command.
    pub const COMMAND: usize = 256;
    /// Bytes of one text.
    pub const TEXT: usize = 4096;
    /// Hyper-parameters.
    pub const HYPERPARAMETERS: usize = 128;
}

#[derive(Default)]
struct Found(Vec<Violation>);

impl Found {
    fn add(&mut self, field: impl Into<String>, problem: impl Into<String>) {
        self.0.push(Violation {
            field: field.into(),
            problem: problem.into(),
        });
    }

    fn text(&mut self, field: &str, text: &str, longest: usize) {
        if text.len() > longest {
            self.add(field, format!("longer than {longest} bytes"));
        }
        if text.contains('\0') {
            self.add(field, "contains a NUL character");
        }
    }

    fn finish(self) -> Result<(), Violations> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Violations(self.0))
        }
    }
}

/// The profile that a template names or brings.
///
/// # Errors
/// An unknown framework, or a profile of its own that is missing, not wanted or wrong.
pub fn profile_of(spec: &TemplateSpec) -> Result<Profile, Violations> {
    let mut found = Found::default();
    let profile = match (&spec.profile, spec.framework.as_str()) {
        // A party's policy goes by names: a profile of one's own cannot pass for another.
        (Some(own), "custom") if profile::builtin(&own.name).is_some() => {
            found.add(
                "profile.name",
                format!("'{}' is a built-in profile: choose another name", own.name),
            );
            None
        }
        (Some(own), "custom") => match own.check() {
            Ok(()) => Some(own.clone()),
            Err(error) => {
                let cause = std::error::Error::source(&error).map_or_else(String::new, |cause| format!(": {cause}"));
                found.add("profile", format!("{error}{cause}"));
                None
            }
        },
        (None, "custom") => {
            found.add("profile", "framework 'custom' needs a profile of its own");
            None
        }
        (Some(_), name) => {
            found.add(
                "profile",
                format!("a profile of its own goes with framework 'custom', not '{name}'"),
            );
            None
        }
        (None, name) => {
            let known = profile::builtin(name).cloned();
            if known.is_none() {
                let names: Vec<&str> = profile::builtin_names().chain(["custom"]).collect();
                let hint = nearest::hint(name, names.iter().copied());
                found.add(
                    "framework",
                    format!("unknown framework '{name}' (there are {}){hint}", names.join(", ")),
                );
            }
            known
        }
    };
    found.finish()?;
    profile.ok_or_else(|| Violations(Vec::new()))
}

/// Checks a template by itself.
///
/// # Errors
/// Every rule that it breaks.
pub fn template(spec: &TemplateSpec) -> Result<(), Violations> {
    let profile = profile_of(spec)?;
    let mut found = Found::default();
    found.text("remark", &spec.remark, limits::TEXT);
    found.text("image", spec.image.as_deref().unwrap_or_default(), 255);
    found.text("workdir", spec.workdir.as_deref().unwrap_or_default(), limits::TEXT);
    hyperparameters(&mut found, &spec.hyperparameters);
    for role in spec.commands.keys().filter(|role| !profile.roles.contains_key(*role)) {
        let hint = nearest::hint(role, profile.roles.keys().map(String::as_str));
        found.add(
            "commands",
            format!("framework '{}' has no role '{role}'{hint}", profile.name),
        );
    }
    for role in profile.roles.keys() {
        command(&mut found, spec, &profile, role);
    }
    found.finish()
}

fn command(found: &mut Found, spec: &TemplateSpec, profile: &Profile, role: &str) {
    let command = spec.command_for(profile, role);
    let field = if profile.data_role() == Some(role) && !spec.commands.contains_key(role) {
        "command".to_owned()
    } else {
        format!("commands.{role}")
    };
    let wanted = profile.roles[role].argv.iter().any(|arg| match arg {
        Arg::Plain(text) => text.starts_with("{command"),
        Arg::When { .. } => false,
    });
    if wanted && command.is_empty() {
        found.add(
            field.clone(),
            format!("role '{role}' of framework '{}' needs a command", profile.name),
        );
    }
    if command.len() > limits::COMMAND {
        found.add(field.clone(), format!("more than {} elements", limits::COMMAND));
    }
    // Hyper-parameters of tasks are not known yet: what is said here must be right for the template alone or later.
    let mut meaning = Meaning::possible(profile, role);
    meaning.narrow(&spec.hyperparameters, true);
    for (index, element) in command.iter().enumerate() {
        let at = format!("{field}[{index}]");
        found.text(&at, element, limits::TEXT);
        if let Err(error) = meaning.element(element) {
            found.add(at, error.to_string());
        }
    }
}

fn hyperparameters(found: &mut Found, parameters: &HyperParameters) {
    if parameters.len() > limits::HYPERPARAMETERS {
        found.add("hyperparameters", format!("more than {}", limits::HYPERPARAMETERS));
    }
    for (name, value) in parameters {
        let clean = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
        let starts = name.starts_with(|c: char| c.is_ascii_alphabetic());
        if !starts || name.len() > 64 || !name.chars().all(clean) {
            let name: String = name.chars().take(64).collect();
            found.add(
                "hyperparameters",
                format!("'{name}' is no name: use up to 64 of a-z, A-Z, 0-9, '_', '-' and '.', a letter first"),
            );
        }
        if let Scalar::Text(text) = value {
            found.text(&format!("hyperparameters.{name}"), text, limits::TEXT);
        }
    }
}

/// Resolves a task and its template into what a run is started with.
///
/// # Errors
/// Every rule that the task breaks, by itself or against its template.
pub fn resolve(template_spec: &TemplateSpec, task: &TaskSpec, options: &StartOptions) -> Result<RunSpec, Violations> {
    template(template_spec)?;
    let profile = profile_of(template_spec)?;
    let mut found = Found::default();
    participants(&mut found, task);
    found.text("remark", &task.remark, limits::TEXT);
    if task.policies.max_retries > Policies::MAX_RETRIES {
        found.add("policies.max_retries", format!("at most {}", Policies::MAX_RETRIES));
    }
    for switch in task.switches.iter().chain(&options.switches) {
        if !profile.switches.contains(switch) {
            let hint = nearest::hint(switch, profile.switches.iter().map(String::as_str));
            found.add(
                "switches",
                format!("framework '{}' has no switch '{switch}'{hint}", profile.name),
            );
        }
    }
    let mut merged = profile.hyperparameters.clone();
    for layer in [
        &template_spec.hyperparameters,
        &task.hyperparameters,
        &options.hyperparameters,
    ] {
        merged.extend(layer.clone());
    }
    hyperparameters(&mut found, &merged);
    data_sets(&mut found, template_spec, task, &profile, &merged);
    found.finish()?;

    let mut policies = task.policies.clone();
    policies.deadlines = policies.deadlines.or(&profile.deadlines);
    let asked: Vec<String> = task.switches.iter().chain(&options.switches).cloned().collect();
    let commands = profile
        .roles
        .keys()
        .map(|role| (role.clone(), template_spec.command_for(&profile, role).to_vec()))
        .collect();
    Ok(RunSpec {
        commands,
        image: template_spec.image.clone(),
        workdir: template_spec.workdir.clone(),
        participants: task.participants.clone(),
        aggregator: task.aggregator.clone().unwrap_or_else(PartyId::center),
        hyperparameters: merged,
        switches: spec::switches(&asked, template_spec.launcher),
        policies,
        profile,
    })
}

fn participants(found: &mut Found, task: &TaskSpec) {
    if task.participants.is_empty() {
        found.add("participants", "name at least one party");
    }
    if task.participants.len() > limits::PARTICIPANTS {
        found.add("participants", format!("more than {}", limits::PARTICIPANTS));
    }
    let mut seen = BTreeSet::new();
    for (index, participant) in task.participants.iter().enumerate() {
        if !seen.insert(&participant.party) {
            found.add(
                format!("participants[{index}].party"),
                format!("'{}' takes part twice", participant.party),
            );
        }
        if let Some(dataset) = &participant.dataset {
            found.text(&format!("participants[{index}].dataset"), dataset, 255);
        }
    }
}

/// A command that reads `{dataset.path}` needs a data set of every party.
fn data_sets(found: &mut Found, template: &TemplateSpec, task: &TaskSpec, profile: &Profile, merged: &HyperParameters) {
    let Some(role) = profile.data_role() else { return };
    for (index, participant) in task.participants.iter().enumerate() {
        let mut meaning = Meaning::possible(profile, role);
        meaning.narrow(merged, participant.dataset.is_some());
        for element in template.command_for(profile, role) {
            if let Err(error) = meaning.element(element) {
                let problem = if participant.dataset.is_none() && element.contains("{dataset.path}") {
                    format!(
                        "the command reads {{dataset.path}}: name a data set of '{}'",
                        participant.party
                    )
                } else {
                    error.to_string()
                };
                found.add(format!("participants[{index}].dataset"), problem);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::Participant;

    fn template_spec() -> TemplateSpec {
        serde_json::from_value(serde_json::json!({
            "name": "digits",
            "framework": "iflearner",
            "command": ["python", "train.py", "--data={dataset.path}"],
            "hyperparameters": {"lr": 0.5},
        }))
        .unwrap()
    }

    fn task_spec() -> TaskSpec {
        let participant = |party: &str| Participant {
            party: party.parse().unwrap(),
            dataset: Some("digits".into()),
        };
        TaskSpec {
            name: "digits".parse().unwrap(),
            template: "digits".into(),
            participants: vec![participant("a"), participant("b")],
            aggregator: None,
            hyperparameters: HyperParameters::new(),
            switches: Vec::new(),
            policies: Policies::default(),
            remark: String::new(),
        }
    }

    fn problems(template_spec: &TemplateSpec, task: &TaskSpec) -> String {
        resolve(template_spec, task, &StartOptions::default())
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn layers_of_hyperparameters_merge_and_the_later_wins() {
        let mut task = task_spec();
        task.hyperparameters.insert("epochs".into(), Scalar::Int(3));
        let options = StartOptions {
            hyperparameters: [("lr".to_owned(), Scalar::Float(0.1))].into(),
            ..StartOptions::default()
        };
        let run = resolve(&template_spec(), &task, &options).unwrap();
        assert_eq!(run.hyperparameters["epochs"], Scalar::Int(3));
        assert_eq!(run.hyperparameters["lr"], Scalar::Float(0.1));
        assert_eq!(run.aggregator, PartyId::center());
        assert_eq!(run.members().count(), 3);
    }

    #[test]
    fn each_mistake_is_named_with_its_field() {
        let mut unknown = template_spec();
        unknown.framework = "iflearnr".into();
        assert!(problems(&unknown, &task_spec()).contains("did you mean 'iflearner'"));

        let mut placeholder = template_spec();
        placeholder.command.push("{dataset.pth}".into());
        let said = problems(&placeholder, &task_spec());
        assert!(said.contains("command[3]") && said.contains("dataset.path"), "{said}");

        let mut itself = template_spec();
        itself.command.push("{command.program}".into());
        assert!(problems(&itself, &task_spec()).contains("unknown placeholder '{command.program}'"));

        let mut posing = template_spec();
        posing.framework = "custom".into();
        posing.profile = profile::builtin("iflearner").cloned();
        assert!(problems(&posing, &task_spec()).contains("profile.name"));

        let mut no_command = template_spec();
        no_command.command.clear();
        assert!(problems(&no_command, &task_spec()).contains("needs a command"));

        let mut twice = task_spec();
        twice.participants[1].party = twice.participants[0].party.clone();
        assert!(problems(&template_spec(), &twice).contains("participants[1].party: 'a' takes part twice"));

        let mut without_data = task_spec();
        without_data.participants[0].dataset = None;
        assert!(problems(&template_spec(), &without_data).contains("participants[0].dataset"));

        let mut switch = task_spec();
        switch.switches.push("smcp".into());
        assert!(problems(&template_spec(), &switch).contains("did you mean 'smpc'"));
    }
}
