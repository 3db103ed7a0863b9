//! A task, as the server told it.

use flow_api::legacy::{FederateData, LegacyTime, PartyStatus, Status, TaskView};
use flow_domain::Timestamp;
use flow_proto::v1;

/// The task as clients read it, or what is wrong with it.
pub(super) fn view(task: v1::Task) -> Result<TaskView, String> {
    let status = task.status.map(|name| {
        let known = Status::of_name(&name);
        known.ok_or_else(|| format!("the server knows a status '{name}', and this agent does not: is it older?"))
    });
    Ok(TaskView {
        task_id: task.task_id,
        template_id: task.template_id,
        name: task.name,
        remark: task.remark,
        status: status.transpose()?,
        federate_data: task
            .parties
            .into_iter()
            .map(|party| FederateData {
                federated_id: party.party,
                federated_data: party.data,
            })
            .collect(),
        party_status: task.party_status.map(|status| {
            let parties = status.parties.into_iter().map(|party| PartyStatus {
                name: party.party,
                ready: party.ready,
                complete: party.complete,
                current_epoch: party.current_epoch,
                total_epoch: party.total_epoch,
            });
            parties.collect()
        }),
        create_time: LegacyTime(Timestamp(task.created_at_micros)),
        modify_time: LegacyTime(Timestamp(task.modified_at_micros)),
    })
}
