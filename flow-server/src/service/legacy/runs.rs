//! Starting and stopping tasks in `/api/v1`: a task has one run under way at most.

use flow_api::legacy::RetCode;
use flow_domain::{
    ErrorCode, PartyId, RunId,
    run::StartOptions,
    task::Task,
    template::{HyperParameters, Scalar},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Denied, hyper};
use crate::{
    service::Services,
    store::{Claim, Created},
};

/// The switch for SMPC.
const SMPC: &str = "smpc";

/// How many epochs there are where nobody says so.
const EPOCHS: u32 = 10;

/// What may be said at a start. Clients that send no body get the defaults.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StartBody {
    /// How many epochs; 10 if absent.
    #[schema(value_type = Option<u32>)]
    pub epochs: Option<u32>,
    /// Hyper-parameters over those of the template, as `name=value`.
    pub hyper_parameter: Option<Vec<String>>,
    /// Whether parties add noise that cancels out, so that the server sees no single party's parameters.
    #[schema(value_type = Option<bool>)]
    pub enable_smpc: Option<bool>,
}

impl Default for StartBody {
    fn default() -> Self {
        Self {
            epochs: Some(EPOCHS),
            hyper_parameter: None,
            enable_smpc: Some(false),
        }
    }
}

impl StartBody {
    fn options(&self) -> Result<StartOptions, Denied> {
        let epochs = self.epochs.unwrap_or(EPOCHS);
        if epochs == 0 {
            return Err(Denied::invalid("epochs: from 1"));
        }
        let mut hyperparameters: HyperParameters = hyper::parse(self.hyper_parameter.as_deref().unwrap_or_default())?;
        hyperparameters.insert("epochs".to_owned(), Scalar::Int(epochs.into()));
        let switches = self.enable_smpc.unwrap_or_default().then(|| SMPC.to_owned());
        Ok(StartOptions {
            hyperparameters,
            switches: switches.into_iter().collect(),
        })
    }
}

/// Only one of those who start a task after the same run of it gets to make the next.
fn claim(task: &Task, newest: Option<RunId>) -> Claim {
    let newest = newest.map_or_else(String::new, |run| run.to_string());
    Claim::of(
        "start of a task",
        format!("{} after '{newest}'", task.id).as_bytes(),
        &[],
    )
}

impl Services {
    /// Starts a task that is not under way.
    ///
    /// # Errors
    /// If there is none of that id, it is under way, a party of it is not registered, or the options are not right.
    pub async fn legacy_start(&self, id: &str, body: &StartBody) -> Result<(), Denied> {
        let task = self.legacy_task(id).await?;
        let options = body.options()?;
        let newest = self.store.newest_gangs(&[task.id]).await?.pop();
        if newest.as_ref().is_some_and(|gang| !gang.run.state.is_terminal()) {
            return Err(Denied::plain(RetCode::StatusConflict));
        }
        let named: Vec<PartyId> = task.spec.participants.iter().map(|one| one.party.clone()).collect();
        let known = self.store.parties_named(&named).await?;
        if let Some(missing) = named.iter().find(|party| !known.iter().any(|one| one.id == **party)) {
            let code = RetCode::TaskPartyNotFound;
            return Err(Denied::Said(code, format!("{}: {missing}", code.message())));
        }
        let claim = claim(&task, newest.map(|gang| gang.run.id));
        let started = self.submit_run(task, &options, Some(&claim)).await;
        match started.map_err(|refusal| Denied::of(refusal, RetCode::TaskNotFound, RetCode::StatusConflict))? {
            (_, Created::New) => Ok(()),
            (_, Created::Before(_)) => Err(Denied::plain(RetCode::StatusConflict)),
        }
    }

    /// Stops a task that is under way.
    ///
    /// # Errors
    /// If there is none of that id, or it is not under way.
    pub async fn legacy_stop(&self, id: &str) -> Result<(), Denied> {
        let task = self.legacy_task(id).await?;
        let newest = self.store.newest_gangs(&[task.id]).await?.pop();
        let active = newest.filter(|gang| !gang.run.state.is_terminal());
        let Some(gang) = active else {
            return Err(Denied::plain(RetCode::StatusConflict));
        };
        match self.cancel_run(gang.run.id).await {
            Ok(_) => Ok(()),
            Err(refusal) if refusal.code == ErrorCode::Conflict => Err(Denied::plain(RetCode::StatusConflict)),
            Err(refusal) => Err(Denied::Failed(refusal)),
        }
    }
}
