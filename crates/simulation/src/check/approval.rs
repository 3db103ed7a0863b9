//! What people decide about a run.

use flow_domain::{RunState, gang::Gang};

use super::{Rule, commit::Found};

/// It is decided once, and only where that is asked for; before it is approved nothing begins, and once it is rejected nothing does.
pub(super) fn comes_first(found: &mut Found, before: Option<&Gang>, after: &Gang) {
    let run = &after.run;
    let granted = run.approval.as_ref().map(|approval| approval.granted);
    match (run.spec.policies.approval, granted) {
        (false, granted) => found.unless(
            granted.is_none() && run.state != RunState::AwaitingApproval,
            Rule::Approval,
            "it asks for no approval, and waits for it or has it",
        ),
        (true, Some(true)) => {}
        (true, granted) => {
            let is_right = match granted {
                None => run.state == RunState::AwaitingApproval || run.state.is_terminal(),
                Some(_) => run.state == RunState::Rejected,
            };
            found.unless(
                is_right && run.attempts.is_empty(),
                Rule::Approval,
                "it goes on without approval",
            );
        }
    }
    let decided = before.and_then(|before| before.run.approval.as_ref());
    found.unless(
        decided.is_none() || decided == run.approval.as_ref(),
        Rule::Approval,
        "what was decided about it has changed",
    );
}
