//! Finds the run that a person means.

use flow_api::{Page, RunView};
use flow_domain::{ErrorCode, RunId};

use super::Client;
use crate::Failure;

/// A shorter beginning would soon mean another run.
const SHORTEST: usize = 6;
/// Among so many of the newest runs a beginning is looked for.
const AMONG: u32 = 1_000;

impl Client {
    /// The id of the run that `text` means: an id, a unique beginning of one, or `latest`.
    ///
    /// # Errors
    /// If it means none, or several.
    pub async fn run_id(&self, text: &str) -> Result<RunId, Failure> {
        if let Ok(id) = text.parse() {
            return Ok(id);
        }
        if text == "latest" {
            let page: Page<RunView> = self.list(&["runs"], &[], 1).await?;
            return page.items.first().map(|run| run.id).ok_or_else(|| {
                Failure::new(ErrorCode::NotFound, "there are no runs yet")
                    .hint("start one with: flowctl run start TASK")
            });
        }
        let digits = text.to_ascii_lowercase();
        if digits.len() < SHORTEST || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(Failure::invalid(format!("'{text}' names no run"))
                .hint("give its id, at least the first 6 digits of it, or 'latest'; 'flowctl run list' shows them"));
        }
        let page: Page<RunView> = self.list(&["runs"], &[], AMONG).await?;
        let ids = page.items.iter().map(|run| run.id);
        let found: Vec<RunId> = ids.filter(|id| id.to_string().starts_with(&digits)).collect();
        match found.as_slice() {
            [id] => Ok(*id),
            [] => Err(
                Failure::new(ErrorCode::NotFound, format!("no run's id begins with '{text}'"))
                    .hint("'flowctl run list' shows them"),
            ),
            several => Err(
                Failure::invalid(format!("'{text}' is the beginning of {} runs' ids", several.len()))
                    .details(several.iter().take(10).map(ToString::to_string))
                    .hint("give more digits"),
            ),
        }
    }
}
