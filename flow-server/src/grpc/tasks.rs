//! Tells a party of the tasks in which it takes part, as `/api/v1` shows them: with its own data, and of others their names only.

use flow_api::legacy::{RetCode, TaskView};
use flow_domain::{PartyId, task::Task};
use flow_proto::{
    MAX_MESSAGE,
    v1::{self, TaskPage},
};
use prost::Message;

use crate::service::{
    Services,
    legacy::{Denied, PageNumber},
};

/// The most tasks of a page, and the largest answer in bytes: the stream takes no larger message.
const MOST: u64 = 100;
const LARGEST: usize = MAX_MESSAGE / 2;

/// Answers a party's question.
pub(super) async fn task_page(services: &Services, party: &PartyId, query: v1::TaskQuery) -> TaskPage {
    let request = query.request;
    let mut page = match find(services, party, &query).await {
        Ok(page) => page,
        Err(denied) => refused(denied),
    };
    if page.encoded_len() > LARGEST {
        page = refused(Denied::invalid("limit: the page is too large; ask for fewer"));
    }
    TaskPage { request, ..page }
}

async fn find(services: &Services, party: &PartyId, query: &v1::TaskQuery) -> Result<TaskPage, Denied> {
    if !query.task.is_empty() {
        let task = services.legacy_task(&query.task).await?;
        if !takes_part(&task, party) {
            // Whether there is such a task is nobody else's business.
            return Err(Denied::plain(RetCode::TaskNotFound));
        }
        let view = services.legacy_show_task(&query.task).await?;
        return Ok(TaskPage {
            tasks: vec![wire(&task.id.to_string(), view, party)],
            count: 1,
            ..TaskPage::default()
        });
    }
    let limit = u64::from(query.limit);
    if limit > MOST {
        return Err(Denied::invalid(format!("limit: from 1 to {MOST}")));
    }
    let page = PageNumber::new(u64::from(query.page), limit)?;
    let found = services.legacy_tasks(Some(party.as_str()), page).await?;
    Ok(TaskPage {
        tasks: found.tasks.into_iter().map(|view| wire("", view, party)).collect(),
        count: found.task_count,
        ..TaskPage::default()
    })
}

fn takes_part(task: &Task, party: &PartyId) -> bool {
    task.spec
        .participants
        .iter()
        .any(|participant| participant.party == *party)
}

fn refused(denied: Denied) -> TaskPage {
    let (code, error) = match denied {
        Denied::Said(code, message) => (code, message),
        Denied::Failed(refusal) => (RetCode::ServerFailed, refusal.detail),
    };
    TaskPage {
        code: code.number(),
        error,
        ..TaskPage::default()
    }
}

/// A task for that party; `id` is its own one, where that is asked for.
fn wire(id: &str, view: TaskView, party: &PartyId) -> v1::Task {
    let parties = view.federate_data.into_iter().map(|data| v1::TaskParty {
        data: data.federated_data.filter(|_| data.federated_id == party.as_str()),
        party: data.federated_id,
    });
    let statuses = view.party_status.map(|parties| v1::PartyStatuses {
        parties: parties
            .into_iter()
            .map(|status| v1::PartyStatus {
                party: status.name,
                ready: status.ready,
                complete: status.complete,
                current_epoch: status.current_epoch,
                total_epoch: status.total_epoch,
            })
            .collect(),
    });
    v1::Task {
        id: id.to_owned(),
        task_id: view.task_id,
        template_id: view.template_id,
        name: view.name,
        remark: view.remark,
        status: view.status.map(|status| status.name().to_owned()),
        parties: parties.collect(),
        party_status: statuses,
        created_at_micros: view.create_time.0.micros(),
        modified_at_micros: view.modify_time.0.micros(),
    }
}
