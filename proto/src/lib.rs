//! `flow.v1`, the language between agents and the server, and its translation from and to the domain.

mod codec;
mod from_wire;
mod generated;
mod pace;
mod to_wire;

pub use self::{
    from_wire::{WireError, desired_assignment, report},
    generated::v1,
    pace::Pace,
    to_wire::{desired as to_desired, endpoints, progress},
};

/// The versions of the protocol that this build speaks.
pub const PROTOCOL: std::ops::RangeInclusive<u32> = 1..=1;

/// The version that both sides speak, if there is one: the newest that both know.
pub fn negotiate(theirs: std::ops::RangeInclusive<u32>) -> Option<u32> {
    let newest = (*PROTOCOL.end()).min(*theirs.end());
    let oldest = (*PROTOCOL.start()).max(*theirs.start());
    (newest >= oldest).then_some(newest)
}

/// How large one message may be, in bytes, on both sides.
pub const MAX_MESSAGE: usize = 4 << 20;

/// How many assignments one part of a desired set, and how many reports one message may carry.
pub const MAX_BATCH: usize = 256;

/// How long any text from the other side may be, in bytes; longer ones are cut.
pub const MAX_TEXT: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_common_version_wins() {
        assert_eq!(negotiate(1..=7), Some(1));
        assert_eq!(negotiate(2..=7), None);
        assert_eq!(negotiate(0..=0), None);
    }
}
