//! Templates and tasks in memory.

use flow_domain::{PartyId, TaskId, Template, TemplateId, task::Task};

use super::{Claim, Created, Memory, StoreError, Tables, document};
use crate::store::kinds::{Numbered, Window};

impl Memory {
    pub(in crate::store) async fn insert_template(
        &self,
        template: &Template,
        claim: Option<&Claim>,
    ) -> Result<Created, StoreError> {
        self.write("insert_template", |Tables { templates, keys, .. }| {
            document::insert(templates, keys, template, claim)
        })
        .await
    }

    pub(in crate::store) async fn template(&self, id: TemplateId) -> Result<Option<Template>, StoreError> {
        self.read("template", |tables| tables.templates.get(&id).cloned()).await
    }

    pub(in crate::store) async fn template_named(&self, name: &str) -> Result<Option<Template>, StoreError> {
        self.read("template_named", |tables| {
            document::named(&tables.templates, name).cloned()
        })
        .await
    }

    pub(in crate::store) async fn templates(
        &self,
        name: Option<&str>,
        after: Option<TemplateId>,
        limit: u64,
    ) -> Result<Vec<Template>, StoreError> {
        self.read("templates", |tables| {
            document::list(&tables.templates, name, after, limit)
        })
        .await
    }

    pub(in crate::store) async fn template_page(&self, window: Window) -> Result<Numbered<Template>, StoreError> {
        self.read("template_page", |tables| {
            document::page(&tables.templates, window, |_| true)
        })
        .await
    }

    pub(in crate::store) async fn update_template(&self, template: &Template) -> Result<(), StoreError> {
        self.write("update_template", |tables| {
            document::update(&mut tables.templates, template)
        })
        .await
    }

    pub(in crate::store) async fn delete_template(&self, template: &Template) -> Result<(), StoreError> {
        self.write("delete_template", |tables| {
            let user = tables.tasks.values().find(|task| task.template == template.id);
            match user {
                Some(task) => Err(StoreError::InUse(format!("task '{}'", task.spec.name))),
                None => document::delete(&mut tables.templates, template),
            }
        })
        .await
    }

    pub(in crate::store) async fn insert_task(
        &self,
        task: &Task,
        claim: Option<&Claim>,
    ) -> Result<Created, StoreError> {
        self.write("insert_task", |Tables { tasks, keys, .. }| {
            document::insert(tasks, keys, task, claim)
        })
        .await
    }

    pub(in crate::store) async fn task(&self, id: TaskId) -> Result<Option<Task>, StoreError> {
        self.read("task", |tables| tables.tasks.get(&id).cloned()).await
    }

    pub(in crate::store) async fn task_named(&self, name: &str) -> Result<Option<Task>, StoreError> {
        self.read("task_named", |tables| document::named(&tables.tasks, name).cloned())
            .await
    }

    pub(in crate::store) async fn tasks(
        &self,
        name: Option<&str>,
        after: Option<TaskId>,
        limit: u64,
    ) -> Result<Vec<Task>, StoreError> {
        self.read("tasks", |tables| document::list(&tables.tasks, name, after, limit))
            .await
    }

    pub(in crate::store) async fn task_page(
        &self,
        party: Option<&PartyId>,
        window: Window,
    ) -> Result<Numbered<Task>, StoreError> {
        let takes_part = |task: &Task| {
            let mut participants = task.spec.participants.iter();
            party.is_none_or(|party| participants.any(|one| one.party == *party))
        };
        self.read("task_page", |tables| document::page(&tables.tasks, window, takes_part))
            .await
    }

    pub(in crate::store) async fn alias(&self, kind: &str, alias: &str) -> Result<Option<String>, StoreError> {
        self.read("alias", |tables| {
            let key = (kind.to_owned(), alias.to_owned());
            tables.aliases.get(&key).cloned()
        })
        .await
    }

    pub(in crate::store) async fn note_alias(&self, kind: &str, alias: &str, target: &str) -> Result<(), StoreError> {
        self.write("note_alias", |tables| {
            let key = (kind.to_owned(), alias.to_owned());
            tables.aliases.insert(key, target.to_owned());
            Ok(())
        })
        .await
    }

    pub(in crate::store) async fn update_task(&self, task: &Task) -> Result<(), StoreError> {
        self.write("update_task", |tables| document::update(&mut tables.tasks, task))
            .await
    }

    pub(in crate::store) async fn delete_task(&self, task: &Task) -> Result<(), StoreError> {
        self.write("delete_task", |tables| {
            let runs = tables.runs.values().map(|stored| &stored.gang.run);
            let user = runs
                .into_iter()
                .find(|run| run.task == task.id && !run.state.is_terminal());
            match user {
                Some(run) => Err(StoreError::InUse(format!("run '{}'", run.id))),
                None => document::delete(&mut tables.tasks, task),
            }
        })
        .await
    }
}
