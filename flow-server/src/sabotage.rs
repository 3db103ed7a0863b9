//! Faults of the platform itself, for the test that shows that the simulation finds them. They are not compiled into the program:
//! only builds of tests have the feature.

use std::cell::Cell;

use crate::store::Queue;

thread_local! {
    static DROPPED: Cell<Option<u32>> = const { Cell::new(None) };
    static FORGETFUL: Cell<bool> = const { Cell::new(false) };
}

/// Of the messages that tell an agent's session of a change, the one after so many is lost; of all servers on this thread.
pub fn drop_message(after: Option<u32>) {
    DROPPED.set(after);
}

/// Whether the queue forgets what runs have taken; of all servers on this thread.
pub fn forget_reservations(forgets: bool) {
    FORGETFUL.set(forgets);
}

/// Whether this message is the one to be lost.
pub(crate) fn drops_message() -> bool {
    let left = DROPPED.get();
    DROPPED.set(left.and_then(|left| left.checked_sub(1)));
    left == Some(0)
}

/// The queue as it is remembered.
pub(crate) fn remembered(mut queue: Queue) -> Queue {
    if FORGETFUL.get() {
        queue.taken.clear();
    }
    queue
}
