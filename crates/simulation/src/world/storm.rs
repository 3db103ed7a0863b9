//! Does to the world what its plan says, step by step, and starts again what was killed.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use turmoil::Sim;

use super::World;
use crate::{
    plan::{Fault, Kind},
    time::Moment,
};

/// How long a message takes at most while all is well.
pub(crate) const LATENCY: Duration = Duration::from_millis(15);

/// Some while after a program died of its own, or of a fault that is long over, it is started again.
const RESTART: u64 = 700;

/// What is still to be done, and undone.
pub(crate) struct Storm {
    world: Arc<World>,
    coming: Vec<Fault>,
    present: Vec<Fault>,
    /// When programs that are down are started again.
    down: BTreeMap<String, Moment>,
    calm: bool,
}

impl Storm {
    pub(crate) fn new(world: Arc<World>) -> Self {
        let mut coming = world.plan.faults.clone();
        coming.reverse();
        Self {
            world,
            coming,
            present: Vec::new(),
            down: BTreeMap::new(),
            calm: false,
        }
    }

    /// Whether all faults are over, and every program is up.
    pub(crate) fn is_over(&self) -> bool {
        self.calm && self.down.is_empty()
    }

    /// Does what is due between two steps.
    pub(crate) fn blow(&mut self, sim: &mut Sim<'_>) {
        let now = Moment::of(sim.elapsed());
        while let Some(fault) = self.coming.pop_if(|fault| fault.at <= now) {
            self.begin(&fault, sim, now);
            self.present.push(fault);
        }
        let (over, present) = std::mem::take(&mut self.present)
            .into_iter()
            .partition(|fault| fault.until <= now);
        self.present = present;
        for fault in over {
            self.end(&fault, sim, now);
        }
        if !self.calm && now >= self.world.plan.calm_from {
            self.calm = true;
            self.calm_down(sim, now);
        }
        self.bury(sim, now);
        self.revive(sim, now);
    }

    fn begin(&mut self, fault: &Fault, sim: &mut Sim<'_>, now: Moment) {
        self.world
            .judge
            .note(now, &format!("until {}: {:?}", fault.until, fault.kind));
        tracing::info!(until = %fault.until, "{:?}", fault.kind);
        match &fault.kind {
            Kind::Cut(a, b) => sim.partition(a.as_str(), b.as_str()),
            Kind::CutOneWay(from, to) => sim.partition_oneway(from.as_str(), to.as_str()),
            Kind::Hold(a, b) => sim.hold(a.as_str(), b.as_str()),
            Kind::Slow(a, b, most) => {
                sim.set_link_max_message_latency(a.as_str(), b.as_str(), Duration::from_millis(*most));
            }
            Kind::Lossy(a, b, rate) => sim.set_link_fail_rate(a.as_str(), b.as_str(), *rate),
            Kind::Kill(name) => self.kill(name, fault.until, sim),
            Kind::KillAt(name, touches) => {
                if let Some(process) = self.world.processes.get(name) {
                    process.gate().die_after(*touches);
                }
            }
            Kind::PowerCut(party) => {
                self.world.ground.reboot(party, now);
                self.kill(party, fault.until, sim);
            }
            Kind::Jump(name, millis) => {
                if let Some(process) = self.world.processes.get(name) {
                    process.skew.jump(millis * 1000);
                }
            }
            Kind::Disk(server, slowest, away, silent) => {
                if let Some(disk) = self.world.disks.get(server) {
                    disk.set(*slowest, *away, *silent);
                }
            }
            Kind::Trouble(party, slowest, failures) => {
                if let Some(trouble) = self.world.troubles.get(party) {
                    trouble.set(*slowest, *failures);
                }
            }
        }
    }

    fn end(&mut self, fault: &Fault, sim: &mut Sim<'_>, now: Moment) {
        match &fault.kind {
            Kind::Cut(a, b) => sim.repair(a.as_str(), b.as_str()),
            Kind::CutOneWay(from, to) => sim.repair_oneway(from.as_str(), to.as_str()),
            Kind::Hold(a, b) => sim.release(a.as_str(), b.as_str()),
            Kind::Slow(a, b, _) => sim.set_link_max_message_latency(a.as_str(), b.as_str(), LATENCY),
            Kind::Lossy(a, b, _) => sim.set_link_fail_rate(a.as_str(), b.as_str(), 0.0),
            Kind::Disk(server, ..) => {
                if let Some(disk) = self.world.disks.get(server) {
                    disk.set(0, 0.0, 0.0);
                }
            }
            Kind::Trouble(party, ..) => {
                if let Some(trouble) = self.world.troubles.get(party) {
                    trouble.set(0, 0.0);
                }
            }
            Kind::Kill(_) | Kind::KillAt(..) | Kind::PowerCut(_) | Kind::Jump(..) => {}
        }
        self.world.judge.note(now, &format!("over: {:?}", fault.kind));
    }

    /// Faults of one link may have overlapped, and left something of each other.
    fn calm_down(&mut self, sim: &mut Sim<'_>, now: Moment) {
        for server in self.world.servers() {
            for member in &self.world.plan.members {
                let party = member.id.as_str();
                sim.release(server, party);
                sim.repair(server, party);
                sim.set_link_fail_rate(server, party, 0.0);
                sim.set_link_max_message_latency(server, party, LATENCY);
            }
        }
        // A death that did not come yet does not come any more.
        for process in self.world.processes.values() {
            process.gate().die_after(u64::MAX / 2);
        }
        self.world.judge.note(now, "all is well from now on");
    }

    fn kill(&mut self, name: &str, until: Moment, sim: &mut Sim<'_>) {
        if sim.is_host_running(name) {
            sim.crash(name);
            self.down.insert(name.to_owned(), until);
        }
    }

    /// Takes the runtimes of programs away that died at a touch.
    fn bury(&mut self, sim: &mut Sim<'_>, now: Moment) {
        let dead: Vec<String> = self
            .world
            .processes
            .iter()
            .filter(|(name, process)| process.gate().is_dead() && !self.down.contains_key(*name))
            .map(|(name, _)| name.clone())
            .collect();
        for name in dead {
            self.world.judge.note(now, &format!("{name} died"));
            let until = self.present.iter().find_map(|fault| match &fault.kind {
                Kind::KillAt(killed, _) if *killed == name => Some(fault.until),
                _ => None,
            });
            let until = until.unwrap_or(now.plus(RESTART));
            self.kill(&name, until, sim);
        }
    }

    fn revive(&mut self, sim: &mut Sim<'_>, now: Moment) {
        let up: Vec<String> = self
            .down
            .iter()
            .filter(|(_, at)| **at <= now)
            .map(|(name, _)| name.clone())
            .collect();
        for name in up {
            self.down.remove(&name);
            self.world.judge.note(now, &format!("{name} starts again"));
            sim.bounce(name.as_str());
        }
    }
}
