//! What a shortage may do to a run.

use flow_domain::{
    assignment::{Assignment, Desired},
    gang::Gang,
};

use super::{Rule, commit::Found};

/// What there is too little of is waited for, in the queue; what was given back for it had started nothing.
pub(super) fn fails_nothing(found: &mut Found, after: &Gang) {
    for attempt in &after.run.attempts {
        let is_short = attempt.cause.as_ref().is_some_and(|cause| cause.reason.is_shortage());
        found.unless(
            is_short == attempt.given_back,
            Rule::Shortage,
            "an attempt failed for a shortage, or was given back without one",
        );
        // A wish goes from preparing to stopping by one generation, and by two where running was between them.
        let asked = |member: &Assignment| member.desired == Desired::Run || member.generation > 2;
        let mut members = after
            .assignments
            .iter()
            .filter(|member| member.attempt == attempt.number);
        found.unless(
            !(attempt.given_back && members.any(asked)),
            Rule::Shortage,
            "an attempt was given back of which something was to run",
        );
    }
    let run = &after.run;
    found.unless(
        !(run.state.is_terminal() && run.reason.is_shortage()),
        Rule::Shortage,
        "a run ended for a shortage and not for a deadline",
    );
}
