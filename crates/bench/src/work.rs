//! The templates and tasks that are started.

use serde_json::{Value, json};

use crate::{Outcome, api::Api};

/// How a gang is made up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framework {
    /// One role, at every party: a gang of as many members as there are parties.
    Plain,
    /// iflearner: besides, the aggregation role at the first party, which starts first and is stopped at the end.
    Iflearner,
}

impl Framework {
    /// Its name in tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Plain => "one role",
            Self::Iflearner => "iflearner",
        }
    }

    /// How many members a gang over so many parties has.
    pub(crate) fn members(self, parties: usize) -> usize {
        match self {
            Self::Plain => parties,
            Self::Iflearner => parties + 1,
        }
    }

    /// The name of its template.
    pub(crate) fn template(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Iflearner => "iflearner",
        }
    }
}

/// Makes the templates of both.
pub(crate) async fn templates(api: &Api) -> Outcome {
    let plain = json!({
        "name": Framework::Plain.template(),
        "framework": "custom",
        "profile": {
            "name": "plain",
            "completion": { "roles": ["worker"] },
            "roles": { "worker": { "placement": "each-party", "argv": ["{command}"], "ports": ["grpc"] } },
        },
        "command": ["python", "train.py"],
    });
    let iflearner = json!({
        "name": Framework::Iflearner.template(),
        "framework": "iflearner",
        "workdir": "/app/iflearner",
        "command": ["python", "train.py"],
        "hyperparameters": { "epochs": 3 },
    });
    for template in [plain, iflearner] {
        api.post::<Value>("/templates", &template).await?;
    }
    Ok(())
}

/// Makes a task over these parties; `policies` as the API has them.
pub(crate) async fn task(api: &Api, name: &str, framework: Framework, parties: &[String], policies: Value) -> Outcome {
    let participants: Vec<Value> = parties.iter().map(|party| json!({ "party": party })).collect();
    let mut task = json!({
        "name": name,
        "template": framework.template(),
        "participants": participants,
        "policies": policies,
    });
    if framework == Framework::Iflearner {
        task["aggregator"] = json!(parties.first());
    }
    api.post::<Value>("/tasks", &task).await.map(drop)
}
