//! How jobs of one attempt go on together: parties register with their aggregator, train in rounds, and fail when it goes away.
//! All of it is worked out of what was asked of whom and when; nothing runs.

use serde_json::{Map, Value, json};

use super::job::{End, Job};
use crate::time::Moment;

/// How long a party takes to find out that its aggregator is gone, and an aggregator that its parties are done.
const NOTICES: u64 = 300;

/// The jobs of one attempt, on all machines.
pub(super) struct Attempt<'a>(pub(super) Vec<&'a Job>);

impl<'a> Attempt<'a> {
    fn aggregator(&self) -> Option<&'a Job> {
        let started = |job: &&&Job| job.identity.aggregator && job.started.is_some();
        self.0.iter().find(started).copied()
    }

    fn parties(&self) -> impl Iterator<Item = &'a Job> {
        let started = |job: &&Job| !job.identity.aggregator && job.started.is_some();
        self.0.iter().copied().filter(started)
    }

    /// When a party registers with its aggregator, if it does.
    fn joins(&self, job: &Job) -> Option<Moment> {
        let aggregator = self.aggregator()?;
        let joins = job.up()?.max(aggregator.ready()?).plus(job.script.registers_after);
        let gone = |job: &Job| job.cut_short().is_some_and(|(at, _)| at <= joins);
        (!gone(aggregator) && !gone(job)).then_some(joins)
    }

    /// When a party has done so many rounds, if nothing comes in between.
    fn round_at(&self, job: &Job, round: u32) -> Option<Moment> {
        let joins = self.joins(job)?;
        (round <= job.last_round()).then(|| joins.plus(job.script.round * u64::from(round)))
    }

    /// When and how a job ends, as things are.
    pub(super) fn end(&self, job: &Job) -> Option<(Moment, End)> {
        if let Some(past) = &job.past {
            return Some((past.at, past.how));
        }
        let work = match job.identity.aggregator {
            true => self.work_of_aggregator(job),
            false => self.work_of_party(job),
        };
        [job.cut_short(), work].into_iter().flatten().min_by_key(|(at, _)| *at)
    }

    fn work_of_party(&self, job: &Job) -> Option<(Moment, End)> {
        let done = self.round_at(job, job.script.rounds).filter(|_| job.finishes());
        let left = self
            .aggregator()
            .and_then(Job::cut_short)
            .map(|(at, _)| at.max(job.up().unwrap_or(at)).plus(NOTICES));
        match (done, left) {
            (Some(done), Some(left)) if left < done => Some((left, End::Code(71))),
            (Some(done), _) => Some((done, End::Code(0))),
            // Who hangs does not notice.
            (None, Some(left)) if job.finishes() => Some((left, End::Code(71))),
            (None, _) => None,
        }
    }

    /// One that was told how many parties there are ends once so many are done.
    fn work_of_aggregator(&self, job: &Job) -> Option<(Moment, End)> {
        let wanted = job.started.as_ref()?.waits_for?;
        let mut done: Vec<(&str, Moment)> = self
            .parties()
            .filter_map(|party| match self.end(party)? {
                (at, End::Code(0)) => Some((party.identity.party.as_str(), at)),
                _ => None,
            })
            .collect();
        done.sort_unstable();
        done.dedup_by_key(|(party, _)| *party);
        let last = done.iter().map(|(_, at)| *at).max()?;
        (done.len() >= wanted).then(|| (last.plus(NOTICES), End::Code(0)))
    }

    /// The aggregator's status page at that moment.
    pub(super) fn page(&self, now: Moment) -> Value {
        let mut page = Map::new();
        for party in self.parties() {
            let Some(_) = self.joins(party).filter(|joins| *joins <= now) else {
                continue;
            };
            let round = self.rounds_by(party, now);
            let row = json!({
                "current_epoch": round,
                "total_epoch": party.script.rounds,
                "complete": round == party.script.rounds,
            });
            page.insert(party.identity.party.clone(), row);
        }
        Value::Object(page)
    }

    fn rounds_by(&self, party: &Job, now: Moment) -> u32 {
        let until = self.end(party).map_or(now, |(at, _)| at.min(now));
        let done = (1..=party.script.rounds)
            .take_while(|round| self.round_at(party, *round).is_some_and(|at| at <= until))
            .count();
        u32::try_from(done).unwrap_or(u32::MAX)
    }

    /// What a job has written by then, line by line, and when.
    pub(super) fn log(&self, job: &Job, now: Moment) -> Vec<(Moment, String)> {
        if let Some(past) = &job.past {
            return past.log.clone();
        }
        let mut lines: Vec<(Moment, String)> = job.up().map(|up| (up, "begins".to_owned())).into_iter().collect();
        let end = self.end(job);
        let until = end.map_or(now, |(at, _)| at.min(now));
        if job.identity.aggregator {
            let parties: Vec<&Job> = self.parties().collect();
            let round = |round| parties.iter().filter_map(|party| self.round_at(party, round)).max();
            lines.extend((1..).map_while(|n| Some((round(n)?, format!("INFO: [ROUND {n}]")))));
        } else {
            let rounds = (1..=job.script.rounds).map_while(|n| Some((n, self.round_at(job, n)?)));
            lines.extend(rounds.map(|(n, at)| (at, format!("flow-metric round={n} name=loss value=0.{n}"))));
        }
        if let Some((at, End::Code(code))) = end.filter(|(_, how)| *how != End::Code(0)) {
            lines.push((at, format!("error: ends with {code}")));
        }
        lines.retain(|(at, _)| *at <= until);
        lines
    }
}
