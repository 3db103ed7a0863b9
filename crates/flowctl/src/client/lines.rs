//! Reads a body line by line.

use std::time::Duration;

use flow_domain::ErrorCode;
use reqwest::Response;

use crate::Failure;

/// A longer line is a broken stream.
const LONGEST: usize = 1 << 20;

/// The lines of a body as they come.
pub struct Lines {
    response: Response,
    buffer: Vec<u8>,
    /// Where the search for the next line break goes on.
    searched: usize,
    ended: bool,
    silence: Duration,
}

impl Lines {
    /// Of this answer. If nothing comes for `silence`, the connection counts as broken.
    pub fn of(response: Response, silence: Duration) -> Self {
        Self {
            response,
            buffer: Vec::new(),
            searched: 0,
            ended: false,
            silence,
        }
    }

    /// The next line without its line break, or `None` at the end.
    ///
    /// # Errors
    /// If the connection breaks, or a line is too long.
    pub async fn next(&mut self) -> Result<Option<String>, Failure> {
        loop {
            if let Some(found) = self.buffer[self.searched..].iter().position(|byte| *byte == b'\n') {
                return Ok(Some(self.take(self.searched + found + 1)));
            }
            self.searched = self.buffer.len();
            if self.ended {
                let rest = self.buffer.len();
                return Ok((rest > 0).then(|| self.take(rest)));
            }
            if self.buffer.len() > LONGEST {
                return Err(Failure::internal(format!(
                    "the server sent a line of more than {LONGEST} bytes"
                )));
            }
            match tokio::time::timeout(self.silence, self.response.chunk()).await {
                Ok(Ok(Some(chunk))) => self.buffer.extend_from_slice(&chunk),
                Ok(Ok(None)) => self.ended = true,
                Ok(Err(error)) => {
                    return Err(
                        Failure::new(ErrorCode::Unavailable, "the connection to the server broke")
                            .because(error.without_url()),
                    );
                }
                Err(_) => return Err(Failure::new(ErrorCode::Unavailable, "the server has fallen silent")),
            }
        }
    }

    fn take(&mut self, length: usize) -> String {
        let line: Vec<u8> = self.buffer.drain(..length).collect();
        self.searched = 0;
        let line = String::from_utf8_lossy(&line);
        line.trim_end_matches(['\r', '\n']).to_owned()
    }
}
