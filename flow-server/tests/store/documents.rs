//! Templates and tasks: made, found, listed, changed, deleted, and every refusal.

use flow_server::store::{Created, StoreError};

use crate::{
    databases::Opened,
    samples::{NOW, mk_event, mk_run_of, mk_task, mk_template},
};

on_all!(
    templates_are_found_as_they_were_stored,
    tasks_are_found_as_they_were_stored,
    a_name_belongs_to_one,
    only_the_next_revision_replaces,
    what_is_in_use_stays,
    a_page_goes_on_where_the_last_one_ended,
);

async fn templates_are_found_as_they_were_stored(db: Opened) {
    let mut template = mk_template("digits");
    assert_eq!(db.store.insert_template(&template, None).await.unwrap(), Created::New);
    assert_eq!(db.store.template(template.id).await.unwrap().as_ref(), Some(&template));
    assert_eq!(
        db.store.template_named("digits").await.unwrap().as_ref(),
        Some(&template)
    );
    assert_eq!(db.store.template_named("other").await.unwrap(), None);
    template.revision += 1;
    template.spec.remark = "changed".to_owned();
    template.modified_at = NOW.after(flow_domain::Span::secs(1));
    db.store.update_template(&template).await.unwrap();
    assert_eq!(db.store.template(template.id).await.unwrap().as_ref(), Some(&template));
    db.store.delete_template(&template).await.unwrap();
    assert_eq!(db.store.template(template.id).await.unwrap(), None);
}

async fn tasks_are_found_as_they_were_stored(db: Opened) {
    let template = mk_template("digits");
    let mut task = mk_task("nightly", &template);
    db.store.insert_template(&template, None).await.unwrap();
    assert_eq!(db.store.insert_task(&task, None).await.unwrap(), Created::New);
    assert_eq!(db.store.task(task.id).await.unwrap().as_ref(), Some(&task));
    let other = mk_template("other");
    db.store.insert_template(&other, None).await.unwrap();
    task.revision += 1;
    task.template = other.id;
    task.spec.name = "renamed".parse().unwrap();
    db.store.update_task(&task).await.unwrap();
    assert_eq!(db.store.task_named("renamed").await.unwrap().as_ref(), Some(&task));
    assert_eq!(db.store.task_named("nightly").await.unwrap(), None);
    db.store.delete_task(&task).await.unwrap();
    assert_eq!(db.store.tasks(None, None, 10).await.unwrap(), []);
}

async fn a_name_belongs_to_one(db: Opened) {
    let (first, mut second) = (mk_template("digits"), mk_template("letters"));
    db.store.insert_template(&first, None).await.unwrap();
    let taken = db
        .store
        .insert_template(&mk_template("digits"), None)
        .await
        .unwrap_err();
    assert!(
        matches!(&taken, StoreError::NameTaken(name) if name == "digits"),
        "{taken}"
    );
    db.store.insert_template(&second, None).await.unwrap();
    second.spec.name = "digits".parse().unwrap();
    second.revision += 1;
    let taken = db.store.update_template(&second).await.unwrap_err();
    assert!(
        matches!(&taken, StoreError::NameTaken(_)) && !taken.is_away(),
        "{taken}"
    );
    // What was refused left nothing behind.
    let names: Vec<_> = db.store.templates(None, None, 10).await.unwrap();
    assert_eq!(
        names.iter().map(|t| t.spec.name.to_string()).collect::<Vec<_>>(),
        ["letters", "digits"]
    );
}

async fn only_the_next_revision_replaces(db: Opened) {
    let mut template = mk_template("digits");
    db.store.insert_template(&template, None).await.unwrap();
    template.revision = 3;
    assert!(matches!(
        db.store.update_template(&template).await,
        Err(StoreError::Stale)
    ));
    template.revision = 1;
    assert!(matches!(
        db.store.update_template(&template).await,
        Err(StoreError::Stale)
    ));
    template.revision = 2;
    db.store.update_template(&template).await.unwrap();
    assert!(matches!(
        db.store.update_template(&template).await,
        Err(StoreError::Stale)
    ));
    template.revision = 1;
    assert!(matches!(
        db.store.delete_template(&template).await,
        Err(StoreError::Stale)
    ));
    let gone = mk_template("gone");
    assert!(matches!(db.store.delete_template(&gone).await, Err(StoreError::Stale)));
}

async fn what_is_in_use_stays(db: Opened) {
    let template = mk_template("digits");
    let task = mk_task("nightly", &template);
    db.store.insert_template(&template, None).await.unwrap();
    db.store.insert_task(&task, None).await.unwrap();
    let run = mk_run_of(&task, &template);
    db.store.insert_run(&run, &mk_event("accepted"), None).await.unwrap();
    let used = db.store.delete_template(&template).await.unwrap_err();
    assert!(
        matches!(&used, StoreError::InUse(by) if by == "task 'nightly'"),
        "{used}"
    );
    let used = db.store.delete_task(&task).await.unwrap_err();
    assert!(
        matches!(&used, StoreError::InUse(by) if *by == format!("run '{}'", run.id)),
        "{used}"
    );
    // A finished run keeps what it was started with, and needs the task no more.
    db.store
        .change_gang::<StoreError>(run.id, |loaded| {
            let mut gang = loaded.gang.as_ref().clone();
            gang.run.state = flow_domain::RunState::Cancelled;
            Ok(Some((
                flow_domain::gang::Planned {
                    gang,
                    events: Vec::new(),
                },
                None,
            )))
        })
        .await
        .unwrap();
    db.store.delete_task(&task).await.unwrap();
    db.store.delete_template(&template).await.unwrap();
}

async fn a_page_goes_on_where_the_last_one_ended(db: Opened) {
    let template = mk_template("digits");
    db.store.insert_template(&template, None).await.unwrap();
    let names: Vec<String> = (0..7).map(|number| format!("task-{number}")).collect();
    for name in &names {
        db.store.insert_task(&mk_task(name, &template), None).await.unwrap();
    }
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = db.store.tasks(None, after, 3).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        seen.extend(page.iter().map(|task| task.spec.name.to_string()));
    }
    assert_eq!(seen, names.iter().rev().cloned().collect::<Vec<_>>());
    let named = db.store.tasks(Some("task-4"), None, 3).await.unwrap();
    assert_eq!(named.len(), 1);
}
