//! Opens the journal's database, with what an earlier version kept elsewhere.

use std::{
    io,
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use flow_domain::{AssignmentId, PartyId, Timestamp};

use super::{
    JournalConfig, JournalError,
    entry::Standing,
    note::{News, Note},
    sql::Sql,
};

/// Where a party's journal is.
#[derive(Debug, Clone)]
pub(super) struct Opening {
    pub(super) url: String,
    party: PartyId,
    keep: usize,
    /// Ended assignments that have files, oldest first, as versions without a journal noted them.
    ended: PathBuf,
}

impl Opening {
    pub(super) fn of(config: &JournalConfig, party: &PartyId, data: &Path) -> Self {
        let url = match config.url.as_str() {
            "" => format!("sqlite://{}", data.join("journal.db").display()),
            url => url.to_owned(),
        };
        Self {
            url,
            party: party.clone(),
            keep: config.keep,
            ended: data.join("ended.json"),
        }
    }

    /// The database, and the ended assignments in it that have files, oldest first.
    pub(super) async fn open(&self) -> Result<(Sql, Vec<AssignmentId>), JournalError> {
        let sql = Sql::open(&self.url, &self.party, self.keep).await?;
        self.take_over(&sql).await?;
        let ended = sql.standing(Standing::Kept).await?;
        Ok((sql, ended))
    }

    /// Takes over the list of an earlier version, which is gone after that.
    async fn take_over(&self, sql: &Sql) -> Result<(), JournalError> {
        let cannot = |source| JournalError::TakeOver {
            path: self.ended.clone(),
            source,
        };
        let (bytes, modified) = match read(&self.ended) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            read => read.map_err(cannot)?,
        };
        // It only decided how long logs are kept: one that cannot be read is left behind.
        let ids: Vec<AssignmentId> = serde_json::from_slice(&bytes).unwrap_or_default();
        let notes: Vec<Note> = ids
            .into_iter()
            .zip(modified..)
            .map(|(id, at)| Note {
                id,
                at: Timestamp(at),
                news: News::Inherited,
            })
            .collect();
        if !notes.is_empty() {
            sql.write(&notes).await?;
        }
        tracing::info!(assignments = notes.len(), "took over ended.json into the journal");
        std::fs::remove_file(&self.ended).map_err(cannot)
    }
}

/// A file, and when it was written, in microseconds.
fn read(path: &Path) -> io::Result<(Vec<u8>, i64)> {
    let bytes = std::fs::read(path)?;
    let modified = std::fs::metadata(path)?.modified()?;
    let modified = modified.duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
    Ok((bytes, i64::try_from(modified).unwrap_or_default()))
}
