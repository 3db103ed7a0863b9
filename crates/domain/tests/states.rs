//! The two state machines, edge by edge.

use flow_domain::{AssignmentState, RunState};

#[test]
fn a_run_takes_these_steps_and_no_other() {
    use RunState::{
        AwaitingApproval, Cancelled, Completing, Failed, Preparing, Queued, Rejected, Running, Starting, Succeeded,
        TimedOut,
    };
    let edges = [
        (AwaitingApproval, vec![Queued, Rejected, Cancelled, TimedOut]),
        (Queued, vec![Preparing, Cancelled, TimedOut]),
        (Preparing, vec![Starting, Completing]),
        (Starting, vec![Running, Completing]),
        (Running, vec![Starting, Completing]),
        (
            Completing,
            vec![Queued, Succeeded, Failed, Cancelled, TimedOut, Rejected],
        ),
    ];
    for from in RunState::ALL {
        let next = edges.iter().find(|(state, _)| *state == from);
        assert_eq!(next.is_none(), from.is_terminal());
        for to in RunState::ALL {
            let legal = next.is_some_and(|(_, next)| next.contains(&to));
            assert_eq!(from.may_become(to), legal, "{from} -> {to}");
        }
        assert_eq!(RunState::parse(&from.to_string()), Some(from));
    }
}

#[test]
fn an_assignment_only_moves_on_and_is_refused_only_before_it_starts() {
    use AssignmentState::{Failed, Lost, Pending, Prepared, Rejected, Running, Starting, Stopped, Succeeded};
    let ends = [Succeeded, Failed, Stopped, Lost];
    let edges = [
        (Pending, vec![Prepared, Starting, Running, Rejected]),
        (Prepared, vec![Starting, Running, Rejected]),
        (Starting, vec![Running]),
        (Running, vec![]),
    ];
    for from in AssignmentState::ALL {
        let next = edges.iter().find(|(state, _)| *state == from);
        assert_eq!(next.is_none(), from.is_terminal());
        for to in AssignmentState::ALL {
            let legal = next.is_some_and(|(_, next)| next.contains(&to) || ends.contains(&to));
            assert_eq!(from.may_become(to), legal, "{from} -> {to}");
        }
    }
}
