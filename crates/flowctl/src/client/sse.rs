//! Server-sent events, as far as the API uses them: name, id and one JSON document.

use std::time::Duration;

use reqwest::Response;

use super::Lines;
use crate::Failure;

/// The server sends a comment every 15 s where it has nothing else to say.
const SILENCE: Duration = Duration::from_secs(60);

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Event {
    /// Its name; `message` where none is given.
    pub name: String,
    /// Its id, where one is given.
    pub id: Option<String>,
    /// What it says.
    pub data: String,
}

/// The events of a body as they come.
pub struct Events(Lines);

impl Events {
    /// Of this answer.
    pub fn of(response: Response) -> Self {
        Self(Lines::of(response, SILENCE))
    }

    /// The next event, or `None` at the end. One that is cut off by the end is none.
    ///
    /// # Errors
    /// If the connection breaks.
    pub async fn next(&mut self) -> Result<Option<Event>, Failure> {
        let mut collected = Collected::default();
        while let Some(line) = self.0.next().await? {
            if let Some(event) = collected.line(&line) {
                return Ok(Some(event));
            }
        }
        Ok(None)
    }
}

#[derive(Default)]
struct Collected {
    event: Event,
    data: Vec<String>,
}

impl Collected {
    /// Takes in a line; an empty one ends the event, if there is any.
    fn line(&mut self, line: &str) -> Option<Event> {
        if line.is_empty() {
            let mut collected = std::mem::take(self);
            if collected.data.is_empty() {
                return None;
            }
            if collected.event.name.is_empty() {
                collected.event.name.push_str("message");
            }
            collected.event.data = collected.data.join("\n");
            return Some(collected.event);
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value).to_owned();
        match field {
            "event" => self.event.name = value,
            "id" => self.event.id = Some(value),
            "data" => self.data.push(value),
            // The empty name is a comment: it keeps the connection alive.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_what_stands_before_an_empty_line() {
        let mut collected = Collected::default();
        let text = ": keep-alive\n\nevent: event\nid: 7\ndata: {\"a\":\ndata:1}\n\nevent: end\ndata:\n\nid: 8\n";
        let events: Vec<Event> = text.lines().filter_map(|line| collected.line(line)).collect();
        assert_eq!(events.len(), 2, "{events:?}");
        assert_eq!((events[0].name.as_str(), events[0].id.as_deref()), ("event", Some("7")));
        assert_eq!(events[0].data, "{\"a\":\n1}");
        assert_eq!(events[1].name, "end");
    }
}
