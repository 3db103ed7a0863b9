//! What a seed stands for: who takes part, what is asked for, and what goes wrong when.

mod asked;
mod fault;
mod parties;

use std::collections::BTreeMap;

use flow_domain::queue::Capacity;
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};

pub(crate) use self::fault::server as fault_server;
pub(crate) use self::{
    asked::{Asked, Opinion, Start},
    fault::{Fault, Kind},
    parties::Member,
};
use crate::{check::Expectations, machine::Temper, time::Moment};

/// What a seed stands for.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// How many servers there are.
    pub(crate) servers: usize,
    /// The parties, the center first.
    pub(crate) members: Vec<Member>,
    /// What the sites offer that several parties share.
    pub(crate) sites: BTreeMap<String, Capacity>,
    /// What users ask for.
    pub(crate) asked: Asked,
    /// What goes wrong, by time.
    pub(crate) faults: Vec<Fault>,
    /// With which probability a message of a session comes twice.
    pub(crate) doubled: Option<f64>,
    /// When everything is well again, for good.
    pub(crate) calm_from: Moment,
}

/// The task whose run is asked for after all faults, and has no reason to fail.
pub(crate) const LAST: &str = "last";

impl Plan {
    /// The plan of a seed.
    #[must_use]
    pub(crate) fn draw(seed: u64) -> Self {
        let mut dice = StdRng::seed_from_u64(seed);
        // In some worlds members take processors, memory and graphics processors, and there are not enough for all.
        let counted = dice.random_bool(0.4);
        let members = parties::draw(&mut dice, counted);
        let servers = *[1, 1, 2, 2, 3].choose(&mut dice).unwrap_or(&1);
        // One world in eight is without faults, and its jobs are good: nothing in it may fail.
        let calm = dice.random_bool(0.125);
        let asked = asked::draw(&mut dice, &members, counted, calm);
        let storm = if calm { 0 } else { dice.random_range(6_000..25_000) };
        let faults = fault::draw(&mut dice, &members, servers, storm);
        let sites = match dice.random_bool(0.3) {
            true => {
                // A run may need all parties of the site at once.
                let members = members.iter().filter(|member| member.site.is_some()).count();
                let members = u32::try_from(members).unwrap_or(u32::MAX).max(1);
                let slots = members + dice.random_range(0..3);
                BTreeMap::from([("campus".to_owned(), parties::room(&mut dice, slots, members, counted))])
            }
            false => BTreeMap::new(),
        };
        let doubled = dice.random_bool(0.2).then(|| dice.random_range(0.01..0.5));
        Self {
            servers,
            members,
            sites,
            asked,
            faults,
            doubled,
            calm_from: Moment::default().plus(parties::SETTLED + storm),
        }
    }

    /// Whether the servers go by the true time: that of the database which they share, or of a clock that nobody sets.
    #[must_use]
    pub(crate) fn servers_know_the_time(&self) -> bool {
        let is_set = |fault: &Fault| matches!(&fault.kind, Kind::Jump(host, _) if host.starts_with("server"));
        self.servers > 1 || !self.faults.iter().any(is_set)
    }

    /// What is to be expected of a world that goes by this plan.
    #[must_use]
    pub(crate) fn expectations(&self) -> Expectations {
        let mut expected = Expectations::default();
        for member in &self.members {
            expected.parties.insert(member.id.clone(), member.offers);
            expected.labels.insert(member.id.clone(), member.labels.clone());
            if let Some(site) = &member.site {
                expected.sites.insert(member.id.clone(), site.clone());
            }
        }
        expected.at_sites.clone_from(&self.sites);
        expected.succeed = self.asked.good();
        expected.at_once = self.faults.is_empty();
        expected
    }

    /// Whether the jobs of each task are to be trusted.
    #[must_use]
    pub(crate) fn tempers(&self) -> BTreeMap<String, Temper> {
        let good = self.asked.good();
        good.into_iter().map(|task| (task, Temper::Good)).collect()
    }
}

#[cfg(test)]
mod tests {
    use flow_domain::TaskSpec;

    use super::*;

    #[test]
    fn a_seed_is_always_the_same_plan_and_faults_end_before_the_calm() {
        for seed in 0..300 {
            let plan = Plan::draw(seed);
            assert_eq!(format!("{plan:?}"), format!("{:?}", Plan::draw(seed)));
            assert!(
                plan.faults.iter().all(|fault| fault.until <= plan.calm_from),
                "{plan:?}"
            );
            assert!(plan.asked.starts.iter().all(|start| start.at <= plan.calm_from));
        }
    }

    #[test]
    fn there_are_worlds_with_whatever_a_task_can_ask_for() {
        let plans: Vec<Plan> = (0..100).map(Plan::draw).collect();
        let tasks = |plan: &Plan| plan.asked.tasks.clone();
        let any = |is: fn(&TaskSpec) -> bool| plans.iter().flat_map(tasks).any(|task| is(&task));
        assert!(any(|task| task.policies.approval));
        assert!(any(|task| task.select.is_some() && task.participants.is_empty()));
        assert!(any(|task| task.select.is_some() && !task.participants.is_empty()));
        assert!(any(|task| task
            .min_parties
            .is_some_and(|min| (min as usize) < task.participants.len())));
        let offers = |plan: &Plan| -> Vec<Capacity> {
            let parties = plan.members.iter().map(|member| member.offers);
            parties.chain(plan.sites.values().copied()).collect()
        };
        let offered = |is: fn(&Capacity) -> bool| plans.iter().flat_map(offers).any(|offer| is(&offer));
        assert!(offered(|offer| offer.cpu.is_some()));
        assert!(offered(|offer| offer.memory.is_some()));
        assert!(offered(|offer| offer.gpu.is_some()));
        let opinions = |plan: &Plan| -> Vec<usize> {
            let starts = plan.asked.starts.iter();
            starts
                .map(|start| start.opinions.iter().filter(|opinion| !opinion.granted).count())
                .collect()
        };
        assert!(plans.iter().flat_map(opinions).any(|rejections| rejections > 0));
    }

    #[test]
    fn there_are_worlds_with_faults_of_every_kind_and_worlds_without() {
        let plans: Vec<Plan> = (0..300).map(Plan::draw).collect();
        assert!(plans.iter().any(|plan| plan.faults.is_empty()));
        let mut kinds: Vec<String> = plans
            .iter()
            .flat_map(|plan| &plan.faults)
            .map(|fault| {
                format!("{:?}", fault.kind)
                    .split([' ', '('])
                    .next()
                    .unwrap_or_default()
                    .to_owned()
            })
            .collect();
        kinds.sort_unstable();
        kinds.dedup();
        assert_eq!(kinds.len(), Kind::COUNT, "{kinds:?}");
    }
}
