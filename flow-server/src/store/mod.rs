//! What is stored: in a database, or in memory for the simulation.

mod error;
mod kinds;
pub mod memory;
pub mod shared;
mod sql;
mod tell;

use std::sync::Arc;

use flow_database::ConnectError;
use flow_domain::{
    PartyId, Run, RunId, TaskId, Template, TemplateId, Timestamp,
    gang::{Event, Gang, Planned},
    party::Party,
    task::Task,
};

pub use self::{
    error::StoreError,
    kinds::{Claim, Created, Loaded, Numbered, Queue, RunFilter, StoredEvent, Window},
};
pub(crate) use self::{kinds::said, shared::wants_queue, tell::parties_to_tell};
use self::{
    memory::Memory,
    shared::{Attached, Beat, Beaten, Fence, Noticed, ServerId},
    sql::Sql,
};

/// What is stored. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store(Kept);

#[derive(Clone, Debug)]
enum Kept {
    InDatabase(Sql),
    InMemory(Memory),
}

/// What both can do, each in its way.
macro_rules! both {
    ($($(#[$doc:meta])* fn $name:ident($($arg:ident: $type:ty),* $(,)?) -> $out:ty;)*) => {
        impl Store {
            $($(#[$doc])* pub async fn $name(&self, $($arg: $type),*) -> Result<$out, StoreError> {
                match &self.0 {
                    Kept::InDatabase(sql) => sql.$name($($arg),*).await,
                    Kept::InMemory(memory) => memory.$name($($arg),*).await,
                }
            })*
        }
    };
}

both! {
    /// Stores a new template.
    ///
    /// # Errors
    /// If its name is taken, or the idempotency key was used for something else.
    fn insert_template(template: &Template, claim: Option<&Claim>) -> Created;

    /// The template of that id.
    ///
    /// # Errors
    /// If the database does not answer.
    fn template(id: TemplateId) -> Option<Template>;

    /// The template of that name.
    ///
    /// # Errors
    /// If the database does not answer.
    fn template_named(name: &str) -> Option<Template>;

    /// Templates, newest first, after the one with id `after`.
    ///
    /// # Errors
    /// If the database does not answer.
    fn templates(name: Option<&str>, after: Option<TemplateId>, limit: u64) -> Vec<Template>;

    /// A part of all templates, newest first.
    ///
    /// # Errors
    /// If the database does not answer.
    fn template_page(window: Window) -> Numbered<Template>;

    /// Stores a changed template, whose revision is one more than the stored one's.
    ///
    /// # Errors
    /// If it was changed meanwhile, or its new name is taken.
    fn update_template(template: &Template) -> ();

    /// Deletes a template that no task uses.
    ///
    /// # Errors
    /// If it was changed meanwhile or is in use.
    fn delete_template(template: &Template) -> ();

    /// Stores a new task.
    ///
    /// # Errors
    /// If its name is taken, or the idempotency key was used for something else.
    fn insert_task(task: &Task, claim: Option<&Claim>) -> Created;

    /// The task of that id.
    ///
    /// # Errors
    /// If the database does not answer.
    fn task(id: TaskId) -> Option<Task>;

    /// The task of that name.
    ///
    /// # Errors
    /// If the database does not answer.
    fn task_named(name: &str) -> Option<Task>;

    /// Tasks, newest first, after the one with id `after`.
    ///
    /// # Errors
    /// If the database does not answer.
    fn tasks(name: Option<&str>, after: Option<TaskId>, limit: u64) -> Vec<Task>;

    /// A part of all tasks, or of those in which a party takes part, newest first.
    ///
    /// # Errors
    /// If the database does not answer.
    fn task_page(party: Option<&PartyId>, window: Window) -> Numbered<Task>;

    /// What an id stands for under which a thing of that kind was known before it was imported.
    ///
    /// # Errors
    /// If the database does not answer.
    fn alias(kind: &str, alias: &str) -> Option<String>;

    /// Notes what such an id stands for.
    ///
    /// # Errors
    /// If the database does not do it.
    fn note_alias(kind: &str, alias: &str, target: &str) -> ();

    /// The newest run of each of these tasks that has any.
    ///
    /// # Errors
    /// If the database does not answer.
    fn newest_gangs(tasks: &[TaskId]) -> Vec<Gang>;

    /// Stores a changed task, whose revision is one more than the stored one's.
    ///
    /// # Errors
    /// If it was changed meanwhile, or its new name is taken.
    fn update_task(task: &Task) -> ();

    /// Deletes a task that no unfinished run executes.
    ///
    /// # Errors
    /// If it was changed meanwhile or is in use.
    fn delete_task(task: &Task) -> ();

    /// Stores a run that was just accepted.
    ///
    /// # Errors
    /// If the idempotency key was used for something else.
    fn insert_run(run: &Run, event: &Event, claim: Option<&Claim>) -> Created;

    /// One gang.
    ///
    /// # Errors
    /// If the database does not answer.
    fn gang(id: RunId) -> Option<Loaded>;

    /// The runs that are to be planned by then, oldest wish first.
    ///
    /// # Errors
    /// If the database does not answer.
    fn due_runs(by: Timestamp, limit: u64) -> Vec<RunId>;

    /// The runs that take something of their parties.
    ///
    /// # Errors
    /// If the database does not answer.
    fn taking_runs() -> Vec<RunId>;

    /// The runs with an assignment that is not over at one of these parties.
    ///
    /// # Errors
    /// If the database does not answer.
    fn live_runs_at(parties: &[PartyId]) -> Vec<RunId>;

    /// All gangs with an assignment that the party's agent is to have.
    ///
    /// # Errors
    /// If the database does not answer.
    fn gangs_at(party: &PartyId) -> Vec<Gang>;

    /// Runs, newest first.
    ///
    /// # Errors
    /// If the database does not answer.
    fn runs(filter: &RunFilter, limit: u64) -> Vec<Run>;

    /// Everything that waits or is taken now.
    ///
    /// # Errors
    /// If the database does not answer.
    fn queue() -> Queue;

    /// A run's events after `after`.
    ///
    /// # Errors
    /// If the database does not answer.
    fn events(run: RunId, after: u64, limit: u64) -> Vec<StoredEvent>;

    /// Stores what a party's agent told when it attached. The first time registers the party.
    ///
    /// # Errors
    /// If the database does not do it.
    fn party_seen(party: &Party) -> ();

    /// Stores when a party was last heard.
    ///
    /// # Errors
    /// If the database does not do it.
    fn party_left(party: &PartyId, at: Timestamp) -> ();

    /// One party.
    ///
    /// # Errors
    /// If the database does not answer.
    fn party(id: &PartyId) -> Option<Party>;

    /// Those of these parties that there are, by name.
    ///
    /// # Errors
    /// If the database does not answer.
    fn parties_named(ids: &[PartyId]) -> Vec<Party>;

    /// Parties by name, after the one named `after`.
    ///
    /// # Errors
    /// If the database does not answer.
    fn parties(after: Option<&PartyId>, limit: u64) -> Vec<Party>;

    /// Forgets idempotency keys that are older than a day; answers how many.
    ///
    /// # Errors
    /// If the database does not do it.
    fn forget_old_keys(now: Timestamp) -> u64;

    /// Whether the database answers.
    ///
    /// # Errors
    /// What it says instead.
    fn ping() -> ();

    /// Gives a sign of life for a server, and takes or renews the leases it wants and may have.
    ///
    /// # Errors
    /// If the database does not do it.
    fn beat(beat: &Beat) -> Beaten;

    /// A server ends: what it held is free for others.
    ///
    /// # Errors
    /// If the database does not do it.
    fn leave(server: ServerId) -> ();

    /// The newest session of a party's agent is this one.
    ///
    /// # Errors
    /// If the database does not do it.
    fn attached(attached: &Attached) -> ();

    /// A session is heard less or more of, or ended; false if another one of the party's has taken its place.
    ///
    /// # Errors
    /// If the database does not do it.
    fn heard(attached: &Attached) -> bool;

    /// The newest session of each party's agent, or of this party's.
    ///
    /// # Errors
    /// If the database does not answer.
    fn presences(party: Option<&PartyId>) -> Vec<Attached>;

    /// Notices after that number, and those of the `missing` numbers that are there by now, in their order; not all at once.
    ///
    /// # Errors
    /// If the database does not answer.
    fn notices(after: u64, missing: &[u64]) -> Vec<Noticed>;

    /// The greatest number of a notice; 0 if there is none.
    ///
    /// # Errors
    /// If the database does not answer.
    fn newest_notice() -> u64;

    /// Forgets notices up to that number, and servers that are long gone.
    ///
    /// # Errors
    /// If the database does not do it.
    fn forget_notices(up_to: u64) -> ();
}

impl Store {
    /// Opens the database and migrates it.
    ///
    /// # Errors
    /// Says what is wrong with the database and what to do about it.
    pub async fn open(url: &str, max_connections: u32) -> Result<Self, ConnectError> {
        Ok(Self(Kept::InDatabase(Sql::open(url, max_connections).await?)))
    }

    /// A store in memory, which goes with its last clone.
    #[must_use]
    pub fn in_memory(memory: Memory) -> Self {
        Self(Kept::InMemory(memory))
    }

    /// Whether several servers may use it at once.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        match &self.0 {
            Kept::InDatabase(sql) => sql.is_shared(),
            Kept::InMemory(memory) => memory.is_shared(),
        }
    }

    /// The store as that server's: where others may use it too, they are told of every change.
    #[must_use]
    pub fn used_by(self, server: ServerId) -> Self {
        Self(match self.0 {
            Kept::InDatabase(sql) => Kept::InDatabase(sql.used_by(server)),
            Kept::InMemory(memory) => Kept::InMemory(memory.used_by(server)),
        })
    }

    /// Changes a gang: `change` sees it as it is stored, and what it answers is stored in the same transaction. It is asked
    /// again where another writer was in the way. Answers what was there before, and what was made of it, or `None` if there is no such run.
    ///
    /// It is stored once, whatever happens to the connection: where the answer to the commit was lost, the run says
    /// whether it was done.
    ///
    /// # Errors
    /// What `change` says, or if the database does not do it.
    pub async fn change_gang<E: From<StoreError> + Send>(
        &self,
        id: RunId,
        change: impl Fn(&Loaded) -> Result<Option<(Planned, Option<Timestamp>)>, E> + Send + Sync,
    ) -> Result<Option<(Arc<Gang>, Option<Planned>)>, E> {
        self.change_gang_under(None, id, change).await
    }

    /// The same, refused if there is a fence and its lease is another server's by now.
    ///
    /// # Errors
    /// As there.
    pub async fn change_gang_under<E: From<StoreError> + Send>(
        &self,
        fence: Option<&Fence>,
        id: RunId,
        change: impl Fn(&Loaded) -> Result<Option<(Planned, Option<Timestamp>)>, E> + Send + Sync,
    ) -> Result<Option<(Arc<Gang>, Option<Planned>)>, E> {
        match &self.0 {
            Kept::InDatabase(sql) => sql.change_gang(fence, id, change).await,
            Kept::InMemory(memory) => memory.change_gang(fence, id, change).await,
        }
    }

    /// Calls `see` with every statement from now on, for tests that explain them and for measuring.
    #[doc(hidden)]
    pub fn see_statements(&mut self, see: impl Fn(&sea_orm::metric::Info<'_>) + Send + Sync + 'static) {
        if let Kept::InDatabase(sql) = &mut self.0 {
            sql.see_statements(see);
        }
    }

    /// Waits for statements under way and closes the connections.
    ///
    /// # Errors
    /// What the database says.
    pub async fn close(self) -> Result<(), StoreError> {
        match self.0 {
            Kept::InDatabase(sql) => sql.close().await,
            Kept::InMemory(_) => Ok(()),
        }
    }
}
