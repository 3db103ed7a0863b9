//! What the demo submits, and the same as commands to copy.

use flow_api::{RunView, TaskView, TemplateView};
use flow_domain::{
    Participant, PartyId, Policies, TaskSpec, TemplateSpec,
    run::StartOptions,
    template::{HyperParameters, Scalar},
};
use serde::Serialize;

use crate::{Failure, client::Client, stack};

/// Template and task have this name.
pub(crate) const NAME: &str = "digits";

/// A template and a task.
pub(crate) struct Submission {
    template: TemplateSpec,
    task: TaskSpec,
}

impl Submission {
    /// The digits, over so many parties.
    pub(crate) fn digits(parties: usize, epochs: Option<u32>) -> Result<Self, Failure> {
        let name = || {
            NAME.parse()
                .map_err(|error| Failure::internal("the demo's name is wrong").because(error))
        };
        let argument = |text: &str| text.to_owned();
        let mut participants = Vec::with_capacity(parties);
        for index in 0..parties {
            participants.push(Participant {
                party: stack::party(index)?,
                dataset: Some(stack::DATASET.to_owned()),
            });
        }
        let epochs = epochs.map(|epochs| ("epochs".to_owned(), Scalar::Int(epochs.into())));
        Ok(Self {
            template: TemplateSpec {
                name: name()?,
                framework: "iflearner".to_owned(),
                profile: None,
                image: None,
                workdir: Some(stack::WORKDIR.to_owned()),
                command: ["python", "party_digits.py", "--data={dataset.path}"]
                    .map(argument)
                    .to_vec(),
                commands: Default::default(),
                resources: Default::default(),
                hyperparameters: HyperParameters::new(),
                policies: Default::default(),
                launcher: true,
                remark: String::new(),
                annotations: Default::default(),
            },
            task: TaskSpec {
                name: name()?,
                template: NAME.to_owned(),
                participants,
                min_parties: None,
                select: None,
                aggregator: None,
                hyperparameters: epochs.into_iter().collect(),
                switches: Vec::new(),
                policies: Policies::default(),
                remark: String::new(),
                annotations: Default::default(),
            },
        })
    }

    /// Who takes part.
    pub(crate) fn parties(&self) -> impl Iterator<Item = &PartyId> {
        self.task.participants.iter().map(|participant| &participant.party)
    }

    /// Submits all of it, as any client would.
    pub(crate) async fn submit(&self, client: &Client) -> Result<RunView, Failure> {
        let _: TemplateView = client.create(&["templates"], &self.template).await?;
        let _: TaskView = client.create(&["tasks"], &self.task).await?;
        client.create(&["tasks", NAME, "runs"], &StartOptions::default()).await
    }

    /// The same for a shell.
    pub(crate) fn curl(&self, server: &str) -> Result<String, Failure> {
        let api = format!("{}/api/v2", server.trim_end_matches('/'));
        let post = |path: &str, body: String| {
            format!("curl -sS -w '\\n' {api}/{path} -H 'content-type: application/json' -d '{body}'")
        };
        Ok([
            post("templates", short(&self.template)?),
            post("tasks", short(&self.task)?),
            format!("curl -sS -w '\\n' -X POST {api}/tasks/{NAME}/runs"),
            format!("curl -sS -w '\\n' '{api}/runs?task={NAME}&limit=1'"),
        ]
        .join("\n"))
    }
}

/// The spec without what says nothing, safe between single quotes.
fn short(spec: &impl Serialize) -> Result<String, Failure> {
    let fault = |error| Failure::internal("cannot write the submission as JSON").because(error);
    let mut value = serde_json::to_value(spec).map_err(fault)?;
    if let Some(fields) = value.as_object_mut() {
        let empty = |value: &serde_json::Value| match value {
            serde_json::Value::Array(items) => items.is_empty(),
            serde_json::Value::Object(fields) => fields.is_empty(),
            _ => false,
        };
        fields.retain(|name, value| !empty(value) && !matches!(name.as_str(), "launcher" | "policies"));
    }
    Ok(value.to_string().replace('\'', "\\u0027"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_copied_is_what_is_submitted() {
        let submission = Submission::digits(2, Some(10)).unwrap();
        let template: TemplateSpec = serde_json::from_str(&short(&submission.template).unwrap()).unwrap();
        let task: TaskSpec = serde_json::from_str(&short(&submission.task).unwrap()).unwrap();
        assert_eq!((&template, &task), (&submission.template, &submission.task));
        flow_domain::validate::resolve(&template, &task, &StartOptions::default(), &Default::default()).unwrap();
        insta::assert_snapshot!(submission.curl("http://127.0.0.1:1235/").unwrap());
    }
}
