//! The output of a job on disk, in the logging format of the Kubernetes container runtimes: every
//! record is `<RFC 3339 with nanoseconds> <stdout|stderr> <F|P> <text>\n`, where P marks a piece of
//! a line that goes on in the next record of the same stream.
//!
//! The files are numbered upwards, the highest being written to. Nothing is ever renamed, so a
//! reader cannot lose its place.

mod cursor;
mod cut;
mod files;
mod record;
mod stream;
mod writer;

pub(crate) use stream::stream;
pub(crate) use writer::LogWriter;
