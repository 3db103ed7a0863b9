//! The store in memory: for the simulation.

use flow_domain::{
    PartyId, Run, RunId, TaskId, Template, TemplateId, Timestamp,
    gang::{Event, Gang, Planned},
    party::Party,
    task::Task,
};

use super::{Claim, Created, Loaded, Queue, RunFilter, StoreError, StoredEvent};

/// A store in memory.
#[derive(Debug, Clone, Default)]
pub struct Memory {}

impl Memory {
    pub(super) async fn insert_template(
        &self,
        _template: &Template,
        _claim: Option<&Claim>,
    ) -> Result<Created, StoreError> {
        unimplemented!()
    }

    pub(super) async fn template(&self, _id: TemplateId) -> Result<Option<Template>, StoreError> {
        unimplemented!()
    }

    pub(super) async fn template_named(&self, _name: &str) -> Result<Option<Template>, StoreError> {
        unimplemented!()
    }

    pub(super) async fn templates(
        &self,
        _name: Option<&str>,
        _after: Option<TemplateId>,
        _limit: u64,
    ) -> Result<Vec<Template>, StoreError> {
        unimplemented!()
    }

    pub(super) async fn update_template(&self, _template: &Template) -> Result<(), StoreError> {
        unimplemented!()
    }

    pub(super) async fn delete_template(&self, _template: &Template) -> Result<(), StoreError> {
        unimplemented!()
    }

    pub(super) async fn insert_task(&self, _task: &Task, _claim: Option<&Claim>) -> Result<Created, StoreError> {
        unimplemented!()
    }

    pub(super) async fn task(&self, _id: TaskId) -> Result<Option<Task>, StoreError> {
        unimplemented!()
    }

    pub(super) async fn task_named(&self, _name: &str) -> Result<Option<Task>, StoreError> {
        unimplemented!()
    }

    pub(super) async fn tasks(
        &self,
        _name: Option<&str>,
        _after: Option<TaskId>,
        _limit: u64,
    ) -> Result<Vec<Task>, StoreError> {
        unimplemented!()
    }

    pub(super) async fn update_task(&self, _task: &Task) -> Result<(), StoreError> {
        unimplemented!()
    }

    pub(super) async fn delete_task(&self, _task: &Task) -> Result<(), StoreError> {
        unimplemented!()
    }

    pub(super) async fn insert_run(
        &self,
        _run: &Run,
        _event: &Event,
        _claim: Option<&Claim>,
    ) -> Result<Created, StoreError> {
        unimplemented!()
    }

    pub(super) async fn gang(&self, _id: RunId) -> Result<Option<Loaded>, StoreError> {
        unimplemented!()
    }

    pub(super) async fn due_runs(&self, _by: Timestamp, _limit: u64) -> Result<Vec<RunId>, StoreError> {
        unimplemented!()
    }

    pub(super) async fn gangs_at(&self, _party: &PartyId) -> Result<Vec<Gang>, StoreError> {
        unimplemented!()
    }

    pub(super) async fn runs(&self, _filter: &RunFilter, _limit: u64) -> Result<Vec<Run>, StoreError> {
        unimplemented!()
    }

    pub(super) async fn queue(&self) -> Result<Queue, StoreError> {
        unimplemented!()
    }

    pub(super) async fn events(&self, _run: RunId, _after: u64, _limit: u64) -> Result<Vec<StoredEvent>, StoreError> {
        unimplemented!()
    }

    pub(super) async fn party_seen(&self, _party: &Party) -> Result<(), StoreError> {
        unimplemented!()
    }

    pub(super) async fn party_left(&self, _party: &PartyId, _at: Timestamp) -> Result<(), StoreError> {
        unimplemented!()
    }

    pub(super) async fn party(&self, _id: &PartyId) -> Result<Option<Party>, StoreError> {
        unimplemented!()
    }

    pub(super) async fn parties(&self, _after: Option<&PartyId>, _limit: u64) -> Result<Vec<Party>, StoreError> {
        unimplemented!()
    }

    pub(super) async fn forget_old_keys(&self, _now: Timestamp) -> Result<u64, StoreError> {
        unimplemented!()
    }

    pub(super) async fn ping(&self) -> Result<(), StoreError> {
        unimplemented!()
    }

    pub(super) async fn change_gang<E: From<StoreError> + Send>(
        &self,
        _id: RunId,
        _change: impl Fn(&Loaded) -> Result<Option<(Planned, Option<Timestamp>)>, E> + Send + Sync,
    ) -> Result<Option<(Gang, Option<Planned>)>, E> {
        unimplemented!()
    }
}
