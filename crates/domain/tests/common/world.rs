//! A world of one run: its gang, the agents' presence, a clock that only tests move, and verbs to make things happen.
//! Every change goes through the planner and under the eyes of [`invariants`](super::invariants).

use std::{collections::BTreeMap, sync::Arc};

use flow_domain::{
    Assignment, AssignmentState, Desired, PartyId, Progress, Reason, RunSpec, RunState, Span, Timestamp,
    approval::Judgement,
    assignment::Report,
    gang::{Event, Gang, Planned, Undecidable, Unfit, admit, judge, observe, plan, wait, wake_at},
    party::{Liveness, Parties, Presence},
    queue::{Capacity, Decision, Offer, Place, Supply, Taken, Waiting, schedule},
    run::Cause,
};

use super::{START, honest, invariants, last_attempt, mk_gang, mk_parties, mk_party, mk_report};

pub struct World {
    pub gang: Gang,
    pub parties: Parties,
    pub now: Timestamp,
    pub events: Vec<Event>,
    /// What every party offers.
    pub offer: Arc<Offer>,
    /// Everything that was reported, for it to be said again.
    pub said: Vec<(PartyId, Report)>,
}

impl World {
    /// Every agent is attached, and the run was planned once.
    pub fn of(spec: RunSpec) -> Self {
        let parties = mk_parties(&spec, Liveness::Online);
        Self::with(spec, parties)
    }

    /// All members are up, ready and registered.
    pub fn training(spec: RunSpec) -> Self {
        let mut world = Self::of(spec);
        world.until(RunState::Running);
        world
    }

    pub fn with(spec: RunSpec, parties: Parties) -> Self {
        let mut world = Self {
            gang: mk_gang(spec),
            parties,
            now: START,
            events: Vec::new(),
            offer: Arc::default(),
            said: Vec::new(),
        };
        world.plan();
        world
    }

    pub fn state(&self) -> RunState {
        self.gang.run.state
    }

    pub fn is_over(&self) -> bool {
        self.state().is_terminal()
    }

    /// What decided the last attempt.
    pub fn cause(&self) -> &Cause {
        last_attempt(&self.gang)
            .cause
            .as_ref()
            .expect("the attempt has a cause")
    }

    /// The newest assignment of a member, named like `server@center`.
    pub fn member(&self, name: &str) -> &Assignment {
        let (role, party) = name.split_once('@').expect("role@party");
        let mut members = self.gang.members();
        let member = members.find(|a| a.role == role && a.party.as_str() == party);
        member.unwrap_or_else(|| panic!("there is no {name}"))
    }

    pub fn desired(&self, name: &str) -> Desired {
        self.member(name).desired
    }

    /// Brings the run to rest, and asks the queue if it waits for that.
    pub fn plan(&mut self) {
        let decide = || plan(&self.gang, &self.parties, self.now).expect("the planner breaks no rule");
        let planned = decide();
        assert_eq!(planned, decide(), "the same input, the same plan");
        self.becomes(planned);
        if self.gang.run.is_waiting() {
            self.queue();
        }
        invariants::at_rest(&self.gang, &self.parties, self.now);
    }

    /// The queue decides, with nobody else in it and room for everybody.
    fn queue(&mut self) {
        let run = &self.gang.run;
        let waiting = Waiting {
            run: run.id,
            priority: 0,
            since: run.arrived_at(),
            needs: run.spec.needs(),
        };
        let place = |presence: &Presence| Place {
            presence: *presence,
            capacity: Capacity::default(),
            site: None,
            offer: self.offer.clone(),
        };
        let parties = self.parties.0.iter();
        let supply = Supply {
            parties: parties
                .map(|(party, presence)| (party.clone(), place(presence)))
                .collect(),
            sites: BTreeMap::new(),
        };
        let verdicts = schedule(&[waiting], &Taken::new(), &supply, self.now, Span::mins(10));
        let planned = match &verdicts[0].decision {
            Decision::Admit(how) => {
                admit(&self.gang, &how.chosen, &self.parties, self.now).expect("the planner breaks no rule")
            }
            Decision::Wait { reason, message } => wait(&self.gang, &self.parties, *reason, message, self.now),
        };
        self.becomes(planned);
    }

    fn becomes(&mut self, planned: Option<Planned>) {
        if let Some(planned) = planned {
            invariants::between(&self.gang, &planned);
            invariants::asked_in_order(&self.gang, &planned.gang);
            self.events.extend(planned.events);
            self.gang = planned.gang;
        }
    }

    /// An agent reports; true if it was news.
    pub fn hear(&mut self, reporter: &PartyId, report: &Report) -> Result<bool, Unfit> {
        let observed = observe(&self.gang, reporter, report, self.now)?;
        let news = observed.is_some();
        if let Some(observed) = observed {
            invariants::between(&self.gang, &observed);
            invariants::heard(&self.gang, &observed.gang, report.assignment);
            let again = observe(&observed.gang, reporter, report, self.now);
            assert_eq!(again, Ok(None), "the same report twice is no news");
            self.events.extend(observed.events);
            self.gang = observed.gang;
        }
        self.said.push((reporter.clone(), report.clone()));
        self.plan();
        Ok(news)
    }

    /// The member's agent says what `change` makes of the plain report.
    pub fn tells(&mut self, name: &str, state: AssignmentState, change: impl FnOnce(&mut Report)) {
        let member = self.member(name);
        let (party, mut report) = (member.party.clone(), mk_report(member, state));
        change(&mut report);
        self.hear(&party, &report).expect("it is its own");
    }

    pub fn says(&mut self, name: &str, state: AssignmentState) {
        self.tells(name, state, |_| {});
    }

    pub fn ready(&mut self, name: &str) {
        self.tells(name, AssignmentState::Running, |report| report.ready = true);
    }

    pub fn fails(&mut self, name: &str, reason: Reason) {
        let now = self.now;
        self.tells(name, AssignmentState::Failed, |report| {
            report.reason = reason;
            report.exited_at = Some(now);
        });
    }

    /// A running member tells how far others have come.
    pub fn counts(&mut self, name: &str, members: &[(&str, Progress)]) {
        let members = members
            .iter()
            .map(|(party, progress)| (mk_party(party), progress.clone()));
        let members = members.collect();
        self.tells(name, AssignmentState::Running, |report| report.members = members);
    }

    /// Every attached agent does its next step; false if nobody had any.
    pub fn honest_round(&mut self) -> bool {
        let reports = honest::round(&self.gang, &self.parties);
        let mut news = false;
        for (party, report) in &reports {
            news |= self.hear(party, report).expect("agents report what is their own");
        }
        news
    }

    /// Agents work, and time passes where they have nothing to do, until the run is in `state`.
    pub fn until(&mut self, state: RunState) {
        for _ in 0..200 {
            if self.state() == state {
                return;
            }
            if !self.honest_round() {
                self.wake();
            }
        }
        panic!("not {state} but {}: {}", self.state(), self.gang.run.message);
    }

    pub fn pass(&mut self, span: Span) {
        self.now = self.now.after(span);
        self.plan();
    }

    pub fn wakes_at(&self) -> Option<Timestamp> {
        wake_at(&self.gang, &self.parties)
    }

    /// Nothing happens until the planner wants to be woken.
    pub fn wake(&mut self) {
        self.now = self
            .wakes_at()
            .unwrap_or_else(|| panic!("{} never wakes", self.state()));
        self.plan();
    }

    pub fn arrive(&mut self, party: &PartyId) {
        self.presence(party, Liveness::Online);
    }

    pub fn leave(&mut self, party: &PartyId) {
        self.presence(party, Liveness::Offline);
    }

    fn presence(&mut self, party: &PartyId, liveness: Liveness) {
        let known = self.parties.0.get(party).map(|presence| presence.liveness);
        let never_was = known.is_none() && liveness == Liveness::Offline;
        if known != Some(liveness) && !never_was {
            let since = self.now;
            self.parties.0.insert(party.clone(), Presence { liveness, since });
        }
        self.plan();
    }

    /// Somebody approves the run, or rejects it; true if that was news.
    pub fn judge(&mut self, granted: bool) -> Result<bool, Undecidable> {
        let judgement = Judgement {
            by: "ann".to_owned(),
            comment: "the data was looked at".to_owned(),
        };
        let judged = judge(&self.gang, granted, &judgement, self.now)?;
        let news = judged.is_some();
        self.becomes(judged);
        self.plan();
        Ok(news)
    }

    pub fn cancel(&mut self) {
        if !self.is_over() {
            self.gang.run.cancel_requested = true;
        }
        self.plan();
    }
}
