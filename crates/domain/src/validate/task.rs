//! Checks a task against its template, and resolves both.

use std::collections::BTreeSet;

use super::{Found, Violations, annotations, checked, choice::choice, hyperparameters, limits};
use crate::{
    ids::PartyId,
    meaning::Meaning,
    nearest,
    policy::{Deadlines, Policies},
    profile::Profile,
    run::StartOptions,
    spec::{self, RunSpec},
    task::TaskSpec,
    template::{HyperParameters, TemplateSpec},
};

/// Resolves a task and its template into what a run is started with; `server` has the deadlines for what neither of them says.
///
/// # Errors
/// Every rule that the task breaks, by itself or against its template.
pub fn resolve(
    template_spec: &TemplateSpec,
    task: &TaskSpec,
    options: &StartOptions,
    server: &Deadlines,
) -> Result<RunSpec, Violations> {
    let profile = checked(template_spec)?;
    let mut found = Found::default();
    participants(&mut found, task);
    choice(&mut found, task, &profile);
    found.text("remark", &task.remark, limits::TEXT);
    annotations(&mut found, &task.annotations);
    if !Policies::PRIORITIES.contains(&task.policies.priority) {
        let (lowest, highest) = (Policies::PRIORITIES.start(), Policies::PRIORITIES.end());
        found.add("policies.priority", format!("from {lowest} to {highest}"));
    }
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
    policies.approval |= template_spec.policies.approval;
    policies.deadlines = deadlines(template_spec, task, server, &profile);
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
        resources: template_spec.resources,
        participants: task.participants.clone(),
        // All of them is what every run needs.
        min_parties: task.min_parties.filter(|min| *min as usize != task.participants.len()),
        select: task.select.clone(),
        aggregator: task.aggregator.clone().unwrap_or_else(PartyId::center),
        hyperparameters: merged,
        switches: spec::switches(&asked, template_spec.launcher),
        policies,
        profile,
        job_name: None,
    })
}

/// What is nearest to the run counts. A profile of the template's own is the template's word, a built-in one is behind the server's.
fn deadlines(template: &TemplateSpec, task: &TaskSpec, server: &Deadlines, profile: &Profile) -> Deadlines {
    let mut deadlines = task.policies.deadlines.or(&template.policies.deadlines);
    if let Some(own) = &template.profile {
        deadlines = deadlines.or(&own.deadlines);
    }
    deadlines.or(server).or(&profile.deadlines)
}

fn participants(found: &mut Found, task: &TaskSpec) {
    if task.participants.is_empty() && task.select.is_none() {
        found.add("participants", "name at least one party, or select some");
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
    let named = task.participants.iter().enumerate().map(|(index, participant)| {
        let whose = format!("of '{}'", participant.party);
        (format!("participants[{index}].dataset"), &participant.dataset, whose)
    });
    let selected = task.select.iter();
    let selected = selected.map(|select| ("select.dataset".to_owned(), &select.dataset, "to select by".to_owned()));
    for (field, dataset, whose) in named.chain(selected) {
        let mut meaning = Meaning::possible(profile, role);
        meaning.narrow(merged, dataset.is_some());
        for element in template.command_for(profile, role) {
            if let Err(error) = meaning.element(element) {
                let problem = if dataset.is_none() && element.contains("{dataset.path}") {
                    format!("the command reads {{dataset.path}}: name a data set {whose}")
                } else {
                    error.to_string()
                };
                found.add(field.clone(), problem);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        profile,
        task::Participant,
        template::{Annotations, HyperParameters, Scalar},
        time::Span,
    };

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
            min_parties: None,
            select: None,
            aggregator: None,
            hyperparameters: HyperParameters::new(),
            switches: Vec::new(),
            policies: Policies::default(),
            remark: String::new(),
            annotations: Annotations::new(),
        }
    }

    fn problems(template_spec: &TemplateSpec, task: &TaskSpec) -> String {
        resolve(template_spec, task, &StartOptions::default(), &Deadlines::default())
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
        let run = resolve(&template_spec(), &task, &options, &Deadlines::default()).unwrap();
        assert_eq!(run.hyperparameters["epochs"], Scalar::Int(3));
        assert_eq!(run.hyperparameters["lr"], Scalar::Float(0.1));
        assert_eq!(run.aggregator, PartyId::center());
        assert_eq!(run.members().count(), 3);
    }

    #[test]
    fn of_the_deadlines_the_one_nearest_to_the_run_counts() {
        let (mut template, mut task) = (template_spec(), task_spec());
        let start = |minutes| Deadlines {
            start: Some(Span::mins(minutes)),
            ..Deadlines::default()
        };
        let said = |template: &TemplateSpec, task: &TaskSpec, server: &Deadlines| {
            let run = resolve(template, task, &StartOptions::default(), server).unwrap();
            run.policies.deadlines.start().0 / 60_000
        };
        assert_eq!(
            said(&template, &task, &Deadlines::default()),
            3,
            "the built-in profile's"
        );
        assert_eq!(said(&template, &task, &start(7)), 7, "the server's");
        template.profile = profile::builtin("iflearner").cloned();
        template.framework = "custom".into();
        let own = template.profile.as_mut().unwrap();
        own.name = "mine".into();
        own.deadlines = start(8);
        assert_eq!(said(&template, &task, &start(7)), 8, "its own profile's");
        template.policies.deadlines = start(9);
        assert_eq!(said(&template, &task, &start(7)), 9, "the template's");
        task.policies.deadlines = start(10);
        assert_eq!(said(&template, &task, &start(7)), 10, "the task's");
    }

    #[test]
    fn approval_is_asked_for_by_task_or_template() {
        for (by_template, by_task) in [(false, false), (true, false), (false, true), (true, true)] {
            let (mut template, mut task) = (template_spec(), task_spec());
            template.policies.approval = by_template;
            task.policies.approval = by_task;
            let run = resolve(&template, &task, &StartOptions::default(), &Deadlines::default()).unwrap();
            assert_eq!(run.policies.approval, by_template || by_task);
        }
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
