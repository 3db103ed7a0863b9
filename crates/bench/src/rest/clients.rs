//! A closed loop: so many clients, each of which asks again as soon as it was answered.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::{Outcome, figures::Samples};

/// When a loop ends: no request is begun any more after that time, or that many requests.
#[derive(Debug, Clone, Copy)]
pub(super) struct End {
    pub(super) after: Duration,
    pub(super) requests: usize,
}

/// What was done.
#[derive(Debug)]
pub(super) struct Load {
    /// Requests a second, of all clients together.
    pub(super) rate: f64,
    /// How long each took.
    pub(super) took: Samples,
}

/// Lets each client ask once before it counts, and then until the end. Each is a task of its own.
///
/// # Errors
/// What the first request that fails says.
pub(super) async fn closed_loop<F>(
    clients: usize,
    end: End,
    ask: impl Fn(usize) -> F + Clone + Send + 'static,
) -> Outcome<Load>
where
    F: Future<Output = Outcome> + Send,
{
    let mut ready = JoinSet::new();
    for client in 0..clients {
        let ask = ask.clone();
        ready.spawn(async move { ask(client).await });
    }
    while let Some(asked) = ready.join_next().await {
        asked??;
    }
    let begun = Instant::now();
    let mut asking = JoinSet::new();
    for client in 0..clients {
        // What does not divide is asked by the first ones.
        let share = (end.requests + clients - 1 - client) / clients;
        let ask = ask.clone();
        asking.spawn(async move {
            let mut took = Vec::new();
            while took.len() < share && begun.elapsed() < end.after {
                let asked = Instant::now();
                ask(client).await?;
                took.push(asked.elapsed());
            }
            Outcome::Ok(took)
        });
    }
    let mut took = Vec::new();
    while let Some(asked) = asking.join_next().await {
        took.extend(asked??);
    }
    let all = begun.elapsed();
    let took: Samples = took.into_iter().collect();
    Ok(Load {
        rate: f64::from(u32::try_from(took.len())?) / all.as_secs_f64(),
        took,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    const LONG: Duration = Duration::from_secs(3600);

    #[tokio::test]
    async fn all_clients_ask_as_often_as_they_may_and_once_before() {
        let asked = Arc::new(Mutex::new([0; 3]));
        let noted = asked.clone();
        let end = End {
            after: LONG,
            requests: 8,
        };
        let ask = move |client: usize| {
            let noted = noted.clone();
            async move {
                noted.lock().unwrap()[client] += 1;
                Ok(())
            }
        };
        let load = closed_loop(3, end, ask).await.unwrap();
        assert_eq!(*asked.lock().unwrap(), [4, 4, 3]);
        assert_eq!(load.took.len(), 8);
        assert!(load.rate > 0.0);
    }

    #[tokio::test]
    async fn a_request_that_fails_ends_it() {
        let end = End {
            after: LONG,
            requests: usize::MAX / 2,
        };
        let failed = closed_loop(2, end, async |client| match client {
            1 => Err("no".into()),
            _ => Ok(()),
        });
        assert_eq!(failed.await.unwrap_err().to_string(), "no");
    }
}
