//! The state machines as Mermaid draws them, from what the states themselves allow.

use std::{collections::BTreeSet, fmt::Display};

use flow_domain::{Assignment, AssignmentState, Desired, RunState};

use crate::common::{mk_gang, mk_iflearner, world::World};

struct Machine<'a, S> {
    states: &'a [S],
    first: BTreeSet<S>,
    is_final: fn(S) -> bool,
    may_become: fn(S, S) -> bool,
}

impl<S: Copy + Ord + Display> Machine<'_, S> {
    /// Where every live state may end the same way, one arrow from all of them together says so.
    fn draw(&self) -> String {
        let live = || self.states.iter().copied().filter(|state| !(self.is_final)(*state));
        let ends = || self.states.iter().copied().filter(|state| (self.is_final)(*state));
        let from_all: BTreeSet<S> = ends()
            .filter(|end| live().all(|from| (self.may_become)(from, *end)))
            .collect();
        let mut lines = Vec::new();
        let within: Vec<String> = self.first.iter().map(|first| format!("[*] --> {first}")).collect();
        let steps = |from: S, to: &[S]| -> Vec<String> {
            let next = to.iter().copied().filter(|to| (self.may_become)(from, *to));
            next.map(|to| format!("{from} --> {to}")).collect()
        };
        let alive: Vec<S> = live().collect();
        let moves = within
            .into_iter()
            .chain(alive.iter().flat_map(|from| steps(*from, &alive)));
        if from_all.is_empty() {
            lines.extend(moves);
        } else {
            lines.push("state live {".to_owned());
            lines.extend(moves.map(|line| format!("    {line}")));
            lines.push("}".to_owned());
        }
        let own: Vec<S> = ends().filter(|end| !from_all.contains(end)).collect();
        lines.extend(alive.iter().flat_map(|from| steps(*from, &own)));
        lines.extend(from_all.iter().map(|end| format!("live --> {end}")));
        lines.extend(ends().map(|end| format!("{end} --> [*]")));
        let lines: Vec<String> = lines.iter().map(|line| format!("    {line}\n")).collect();
        format!("```mermaid\nstateDiagram-v2\n{}```\n", lines.concat())
    }
}

pub(crate) fn run() -> String {
    let machine = Machine {
        states: &RunState::ALL,
        first: [false, true].map(accepted).into(),
        is_final: RunState::is_terminal,
        may_become: RunState::may_become,
    };
    machine.draw()
}

/// The state that a run is accepted in.
fn accepted(approval: bool) -> RunState {
    let mut spec = mk_iflearner(0);
    spec.policies.approval = approval;
    mk_gang(spec).run.state
}

pub(crate) fn assignment() -> String {
    let world = World::of(mk_iflearner(0));
    let fresh: Vec<&Assignment> = world.gang.current().collect();
    assert!(fresh.iter().all(|a| a.desired == Desired::Prepare));
    let machine = Machine {
        states: &AssignmentState::ALL,
        first: fresh.iter().map(|a| a.state).collect(),
        is_final: AssignmentState::is_terminal,
        may_become: AssignmentState::may_become,
    };
    machine.draw()
}
