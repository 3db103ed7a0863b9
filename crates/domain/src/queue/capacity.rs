//! How much of what runs need there is at a place, and how much they take.

use serde::{Deserialize, Serialize};

use crate::resources::{Cpu, Memory, Resources};

/// What a place offers to all runs together. What is not given has no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Capacity {
    /// How many runs may have a part there at the same time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runs: Option<u32>,
    /// Processor time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<Cpu>,
    /// Memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<Memory>,
    /// Graphics processors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu: Option<u32>,
}

/// What runs take of a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Demand {
    /// Parts of runs: one for each run, whatever its members there.
    pub runs: u64,
    /// Processor time, in thousandths of a processor.
    pub cpu: u64,
    /// Memory, in bytes.
    pub memory: u64,
    /// Graphics processors.
    pub gpu: u64,
}

impl Demand {
    /// One part of a run, with nothing else.
    pub const SLOT: Self = Self {
        runs: 1,
        cpu: 0,
        memory: 0,
        gpu: 0,
    };

    /// What a member with these resources takes, its run's part not counted.
    pub fn of(resources: &Resources) -> Self {
        Self {
            runs: 0,
            cpu: resources.cpu.map_or(0, |cpu| cpu.0),
            memory: resources.memory.map_or(0, |memory| memory.0),
            gpu: resources.gpu.map_or(0, u64::from),
        }
    }

    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            runs: self.runs.saturating_add(other.runs),
            cpu: self.cpu.saturating_add(other.cpu),
            memory: self.memory.saturating_add(other.memory),
            gpu: self.gpu.saturating_add(other.gpu),
        }
    }
}

/// One thing that there is not enough of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shortage(String);

impl std::fmt::Display for Shortage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl Capacity {
    /// What keeps `wanted` from fitting beside what is taken; nothing if it fits.
    pub fn shortage(&self, taken: &Demand, wanted: &Demand) -> Option<Shortage> {
        let amounts = [
            (self.runs.map(u64::from), taken.runs, wanted.runs, Amount::Slots),
            (self.cpu.map(|cpu| cpu.0), taken.cpu, wanted.cpu, Amount::Cpu),
            (
                self.memory.map(|memory| memory.0),
                taken.memory,
                wanted.memory,
                Amount::Memory,
            ),
            (self.gpu.map(u64::from), taken.gpu, wanted.gpu, Amount::Gpus),
        ];
        amounts.into_iter().find_map(|(all, taken, wanted, amount)| {
            let all = all.filter(|_| wanted > 0)?;
            let free = all.saturating_sub(taken);
            (wanted > free).then(|| Shortage(amount.says(free, all, wanted)))
        })
    }
}

#[derive(Clone, Copy)]
enum Amount {
    Slots,
    Cpu,
    Memory,
    Gpus,
}

impl Amount {
    fn says(self, free: u64, all: u64, wanted: u64) -> String {
        match self {
            Self::Slots if wanted == 1 => format!("{free} of {all} slots free"),
            Self::Slots => format!("{free} of {all} slots free, {wanted} needed"),
            Self::Cpu => format!("{} of {} cpu free, {} needed", Cpu(free), Cpu(all), Cpu(wanted)),
            Self::Memory => format!(
                "{} of {} memory free, {} needed",
                Memory(free),
                Memory(all),
                Memory(wanted)
            ),
            Self::Gpus => format!("{free} of {all} gpu free, {wanted} needed"),
        }
    }
}
