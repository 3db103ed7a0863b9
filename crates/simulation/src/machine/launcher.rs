//! The launcher that agents are given: jobs on simulated machines, with the latencies and failures of the moment.

use std::{io, sync::Arc, time::Duration};

use async_trait::async_trait;
use flow_launcher::{
    Answer, Key, Launch, LaunchError, Launcher, LogLine, LogQuery, LogStream, Observed, Prepare, Prepared, Proxy,
    Stream,
};
use futures::StreamExt;

use super::{
    ground::Ground,
    trouble::{Failing, Trouble},
};
use crate::{
    gate::Gate,
    time::{Moment, Skew},
};

/// How often a log that is followed is looked at.
const LOG: Duration = Duration::from_millis(400);

/// A party's launcher, of one life of its agent.
pub(crate) struct SimLauncher {
    /// Whose.
    pub(crate) party: String,
    /// The machines.
    pub(crate) ground: Arc<Ground>,
    /// The agent's touches.
    pub(crate) gate: Arc<Gate>,
    /// What the machine is like now.
    pub(crate) trouble: Arc<Trouble>,
    /// The machine's clock.
    pub(crate) skew: Skew,
}

impl SimLauncher {
    /// Does `work` after a while, or not, and comes back after another.
    async fn call<T>(
        &self,
        action: &'static str,
        work: impl FnOnce(Moment) -> Result<T, LaunchError> + Send,
    ) -> Result<T, LaunchError> {
        let toll = self.trouble.toll();
        let broken = || LaunchError::Io {
            action,
            path: "/jobs".into(),
            source: io::Error::other("the disk does not answer"),
        };
        pause(toll.before).await;
        self.gate.pass().await;
        if toll.fails == Some(Failing::Undone) {
            return Err(broken());
        }
        let done = work(Moment::now())?;
        self.gate.pass().await;
        pause(toll.after).await;
        match toll.fails {
            Some(_) => Err(broken()),
            None => Ok(done),
        }
    }
}

async fn pause(millis: u64) {
    if millis > 0 {
        tokio::time::sleep(Duration::from_millis(millis)).await;
    }
}

#[async_trait]
impl Launcher for SimLauncher {
    async fn prepare(&self, key: &Key, prepare: &Prepare) -> Result<Prepared, LaunchError> {
        self.call("prepare", |_| self.ground.prepare(&self.party, key, prepare))
            .await
    }

    async fn start(&self, key: &Key, launch: &Launch) -> Result<(), LaunchError> {
        self.call("start", |now| self.ground.start(&self.party, key, launch, now))
            .await
    }

    async fn observe(&self, key: &Key) -> Result<Observed, LaunchError> {
        let wall = |at| self.skew.wall(at);
        self.call("observe", |now| Ok(self.ground.observe(&self.party, key, now, wall)))
            .await
    }

    async fn stop(&self, key: &Key, grace: Duration) -> Result<(), LaunchError> {
        self.call("stop", |now| {
            self.ground.stop(&self.party, key, grace, now);
            Ok(())
        })
        .await
    }

    async fn list(&self) -> Result<Vec<Key>, LaunchError> {
        self.call("list", |_| {
            self.ground.list(&self.party).into_iter().map(Key::new).collect()
        })
        .await
    }

    async fn release(&self, key: &Key) -> Result<(), LaunchError> {
        self.call("release", |now| self.ground.release(&self.party, key, now))
            .await
    }

    async fn purge(&self, key: &Key) -> Result<(), LaunchError> {
        self.call("purge", |now| self.ground.purge(&self.party, key, now)).await
    }

    fn logs(&self, key: &Key, query: LogQuery) -> LogStream {
        let (ground, party, key, skew) = (self.ground.clone(), self.party.clone(), key.clone(), self.skew.clone());
        let (all, _) = ground.log(&party, &key, Moment::now());
        let first = query.tail.map_or(0, |tail| all.len().saturating_sub(tail));
        // Each piece: what came since the last look.
        let pieces = futures::stream::unfold(Some(first), move |from| {
            let (ground, party, key, skew) = (ground.clone(), party.clone(), key.clone(), skew.clone());
            async move {
                let from = from?;
                let mut looked = ground.log(&party, &key, Moment::now());
                while query.follow && looked.1 && looked.0.len() <= from {
                    tokio::time::sleep(LOG).await;
                    looked = ground.log(&party, &key, Moment::now());
                }
                let (all, more) = looked;
                let next = (query.follow && more).then_some(all.len());
                let news: Vec<_> = all
                    .into_iter()
                    .skip(from)
                    .map(|(at, text)| {
                        Ok(LogLine {
                            at_micros: skew.wall(at),
                            stream: if text.starts_with("error") {
                                Stream::Stderr
                            } else {
                                Stream::Stdout
                            },
                            text,
                        })
                    })
                    .collect();
                Some((futures::stream::iter(news), next))
            }
        });
        pieces.flatten().boxed()
    }

    fn proxy(&self) -> Option<&dyn Proxy> {
        Some(self)
    }
}

#[async_trait]
impl Proxy for SimLauncher {
    async fn get(&self, key: &Key, _port: &str, _path: &str) -> Option<Answer> {
        let page = self
            .call("ask", |now| Ok(self.ground.page(&self.party, key, now)))
            .await;
        let body = page.ok().flatten()?;
        Some(Answer { status: 200, body })
    }

    async fn is_routed(&self, key: &Key) -> Result<(), String> {
        // Who is ready answers.
        let routed = |now| Ok(self.ground.is_ready(&self.party, key, now));
        match self.call("reach", routed).await {
            Ok(true) => Ok(()),
            _ => Err("its route does not answer yet".to_owned()),
        }
    }
}
