//! The world of one simulation: programs on hosts, what they share, and what is done to them.

mod agent;
mod connection;
mod desk;
mod disk;
mod process;
mod relay;
mod server;
mod storm;
mod user;

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use flow_agent::journal;
use flow_server::store::memory::Memory;

pub(crate) use self::storm::{LATENCY, Storm};
use self::{desk::Desk, disk::Disk, process::Process};
use crate::{
    check::Judge,
    machine::{Ground, Trouble},
    plan::{Plan, fault_server},
    time::{Moment, Skew},
};

/// Everything that outlives programs.
pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) plan: Plan,
    pub(crate) judge: Arc<Judge>,
    pub(crate) ground: Arc<Ground>,
    memory: Memory,
    /// By the names of their hosts.
    pub(crate) processes: BTreeMap<String, Process>,
    desks: BTreeMap<String, Desk>,
    disks: BTreeMap<String, Arc<Disk>>,
    troubles: BTreeMap<String, Arc<Trouble>>,
    /// What agents have noted, by party.
    journals: BTreeMap<String, journal::Memory>,
    /// Where agents keep their files.
    folder: PathBuf,
    /// Whether users have asked for everything, and have their answers.
    asked: AtomicBool,
}

impl World {
    pub(crate) fn new(seed: u64, plan: Plan, judge: Arc<Judge>, folder: PathBuf) -> Self {
        let seen = judge.clone();
        let mut memory = Memory::watched(move |commit| seen.committed(Moment::now(), commit));
        if plan.servers > 1 {
            let clock = Skew::default();
            memory = memory.shared(move || clock.wall(Moment::now()));
        }
        let servers: Vec<String> = (0..plan.servers).map(fault_server).collect();
        let parties: Vec<String> = plan.members.iter().map(|member| member.id.to_string()).collect();
        let numbered = |names: &[String]| -> Vec<(String, u64)> { names.iter().cloned().zip(1..).collect() };
        Self {
            seed,
            ground: Arc::new(Ground::new(seed, plan.tempers(), judge.clone())),
            processes: numbered(&[servers.clone(), parties.clone()].concat())
                .into_iter()
                .map(|(name, number)| (name, Process::new(seed ^ (number << 32))))
                .collect(),
            desks: servers.iter().map(|name| (name.clone(), Desk::default())).collect(),
            disks: numbered(&servers)
                .into_iter()
                .map(|(name, number)| (name, Arc::new(Disk::fast(seed ^ (number << 40)))))
                .collect(),
            troubles: numbered(&parties)
                .into_iter()
                .map(|(name, number)| (name, Arc::new(Trouble::none(seed ^ (number << 48)))))
                .collect(),
            journals: parties
                .iter()
                .map(|name| (name.clone(), journal::Memory::default()))
                .collect(),
            asked: AtomicBool::new(false),
            memory,
            plan,
            judge,
            folder,
        }
    }

    /// Whether users have asked for everything, and have their answers.
    pub(crate) fn all_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    /// The names of the servers' hosts.
    pub(crate) fn servers(&self) -> impl Iterator<Item = &str> {
        self.desks.keys().map(String::as_str)
    }

    /// Puts all programs on their hosts.
    pub(crate) fn populate(self: &Arc<Self>, sim: &mut turmoil::Sim<'_>) {
        for name in self.desks.keys() {
            let (world, host) = (self.clone(), name.clone());
            sim.host(name.as_str(), move || server::run(world.clone(), host.clone()));
        }
        for member in &self.plan.members {
            let (world, own) = (self.clone(), member.clone());
            sim.host(member.id.as_str(), move || agent::run(world.clone(), own.clone()));
        }
        let world = self.clone();
        sim.host("user", move || user::run(world.clone()));
    }
}
