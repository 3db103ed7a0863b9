//! Checks what a task says of who takes part where that is left open until a run begins.

use super::{Found, limits};
use crate::{labels, profile::Profile, task::TaskSpec};

/// Who takes part is left open only where it can be.
pub(super) fn choice(found: &mut Found, task: &TaskSpec, profile: &Profile) {
    let named = task.participants.len();
    if let Some(min) = task.min_parties {
        if !(1..=named).contains(&(min as usize)) {
            found.add("min_parties", format!("from 1 to {named}, as many as the participants"));
        }
        if !profile.fewer {
            let problem = format!(
                "framework '{}' needs all parties: its profile does not say fewer",
                profile.name
            );
            found.add("min_parties", problem);
        }
        if task.select.is_some() {
            found.add("min_parties", "is for participants alone: say select.min instead");
        }
    }
    let Some(select) = &task.select else { return };
    if let Some(problem) = labels::problem(&select.labels) {
        found.add("select.labels", problem);
    }
    if select.labels.is_empty() && select.dataset.is_none() {
        found.add("select", "say the labels or the data set that parties are chosen by");
    }
    found.text("select.dataset", select.dataset.as_deref().unwrap_or_default(), 255);
    let room = limits::PARTICIPANTS.saturating_sub(named);
    if !(1..=room).contains(&(select.min as usize)) {
        found.add("select.min", format!("from 1 to {room}"));
    }
    if select.max.is_some_and(|max| max < select.min) {
        found.add("select.max", format!("no fewer than select.min, {}", select.min));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        policy::Deadlines, profile, run::StartOptions, spec::RunSpec, template::TemplateSpec, validate::Violations,
        validate::resolve,
    };

    fn resolved(more: Value, fewer: bool) -> Result<RunSpec, Violations> {
        let mut profile = profile::builtin("iflearner").unwrap().clone();
        profile.name = "mine".into();
        profile.fewer = fewer;
        let template = json!({
            "name": "digits", "framework": "custom", "profile": profile,
            "command": ["python", "train.py", "--data={dataset.path}"],
        });
        let template: TemplateSpec = serde_json::from_value(template).unwrap();
        let mut task = json!({"name": "digits", "template": "digits"});
        task.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let task: TaskSpec = serde_json::from_value(task).unwrap();
        resolve(&template, &task, &StartOptions::default(), &Deadlines::default())
    }

    fn problems(more: Value) -> String {
        resolved(more, true).unwrap_err().to_string()
    }

    fn two() -> Value {
        json!([{"party": "a", "dataset": "digits"}, {"party": "b", "dataset": "digits"}])
    }

    #[test]
    fn fewer_parties_are_for_profiles_that_allow_it() {
        let run = resolved(json!({"participants": two(), "min_parties": 1}), true).unwrap();
        assert_eq!((run.min_parties, run.is_open()), (Some(1), true));
        let all = resolved(json!({"participants": two(), "min_parties": 2}), true).unwrap();
        assert!(!all.is_open(), "all of them is what every run needs");
        let rigid = resolved(json!({"participants": two(), "min_parties": 1}), false).unwrap_err();
        assert!(
            rigid
                .to_string()
                .contains("min_parties: framework 'mine' needs all parties")
        );
        for min in [0, 3] {
            let said = problems(json!({"participants": two(), "min_parties": min}));
            assert!(said.contains("min_parties: from 1 to 2"), "{said}");
        }
    }

    #[test]
    fn a_selection_says_what_it_goes_by_and_how_many() {
        let eu = json!({"labels": {"region": "eu"}, "dataset": "digits"});
        let run = resolved(json!({"select": eu}), false).unwrap();
        assert_eq!(run.select.map(|select| select.min), Some(1));
        let with = |more: Value| {
            let mut select = eu.clone();
            select
                .as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
            problems(json!({"select": select}))
        };
        assert!(with(json!({"min": 0})).contains("select.min: from 1 to 200"));
        assert!(with(json!({"min": 3, "max": 2})).contains("select.max: no fewer than select.min, 3"));
        assert!(with(json!({"labels": {"a b": "c"}})).contains("select.labels: 'a b=c' is no label"));
        assert!(with(json!({"dataset": null})).contains("select.dataset: the command reads {dataset.path}"));
        let said = problems(json!({"select": {"min": 2}}));
        assert!(said.contains("select: say the labels or the data set"), "{said}");
        let both = problems(json!({"participants": two(), "min_parties": 1, "select": eu}));
        assert!(both.contains("say select.min instead"), "{both}");
        assert!(problems(json!({})).contains("name at least one party, or select some"));
    }
}
