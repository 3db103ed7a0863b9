//! The system with everything about it that can break, and who breaks it.

mod hits;
mod keep;

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    fs,
    rc::Rc,
    time::Duration,
};

use flow_testbed::{Api, Proxy, System, iflearner};
use nix::sys::signal::Signal;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use self::keep::Kept;
use crate::{
    database::Database,
    plan::{Act, Line, Step, Who},
    trace::Trace,
};

/// How often it is looked whether something has ended.
const LOOK: Duration = Duration::from_millis(50);

/// The same while an ambush is laid: between the order to start a job and its process are some milliseconds.
const WATCH: Duration = Duration::from_millis(2);

/// The world. Its parts are dropped in this order.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) system: System,
    /// The assignments whose job or supervisor was killed.
    pub(crate) killed: BTreeSet<String>,
    /// Ends that nobody has asked for.
    pub(crate) own_ends: Vec<(Who, String)>,
    pub(crate) trace: Trace,
    agents: Vec<Proxy>,
    to_database: Proxy,
    to_rest: Proxy,
    database: Database,
    kept: BTreeMap<Who, Kept>,
    frozen: Vec<(Instant, i32)>,
    began: Instant,
    folder: TempDir,
}

/// What there is after the end.
#[derive(Debug)]
pub(crate) struct Remains {
    /// What server and agents ended with.
    pub(crate) codes: Vec<Option<i32>>,
    pub(crate) system: System,
    /// Where everything lay beside the system's own folder.
    pub(crate) folder: TempDir,
}

impl World {
    /// A system with that many parties, on a MariaDB of its own, with a proxy in every way.
    pub(crate) async fn start(parties: usize) -> Self {
        let folder = tempfile::Builder::new().prefix("flow-chaos-").tempdir().unwrap();
        let place = |name: &str| {
            let place = folder.path().join(name);
            fs::create_dir(&place).unwrap();
            place
        };
        let database = Database::start(&place("database")).await;
        let (trace, python) = Trace::make(&place("trace"), &iflearner().await);
        let admin = database.admin().clone();
        let address = admin.admin_url();
        let address = address.rsplit('@').next().unwrap().parse().unwrap();
        let to_database = Proxy::before(address);
        let url = admin.url_by(to_database.address().port(), "flow");
        tokio::task::spawn_blocking(move || admin.create_database("flow").unwrap())
            .await
            .unwrap();
        let agents = Rc::new(RefCell::new(Vec::new()));
        let made = Rc::clone(&agents);
        let system = System::with(&python)
            .parties(parties)
            .server(move |config| config.database.url.clone_from(&url))
            .federate(move |config| {
                let proxy = Proxy::before(config.server.address.parse().unwrap());
                config.server.address = proxy.address().to_string();
                made.borrow_mut().push(proxy);
            })
            .start()
            .await;
        let agents = agents.take();
        assert_eq!(agents.len(), parties, "each has its own way");
        let whos = (0..parties).map(Who::Agent).chain([Who::Server]);
        Self {
            agents,
            to_database,
            to_rest: Proxy::before(system.rest),
            kept: whos.map(|who| (who, Kept::default())).collect(),
            system,
            killed: BTreeSet::new(),
            own_ends: Vec::new(),
            trace,
            database,
            frozen: Vec::new(),
            began: Instant::now(),
            folder,
        }
    }

    /// The API as a user far away has it.
    pub(crate) fn far_api(&self) -> Api {
        Api::new(&format!("http://{}", self.to_rest.address()))
    }

    /// Does everything at its time, and keeps the rest running.
    pub(crate) async fn suffer(&mut self, plan: &[Step]) {
        self.began = Instant::now();
        for step in plan {
            self.tend_until(self.began + step.at).await;
            self.act(step.act);
        }
        // The last ones that were frozen.
        while !self.frozen.is_empty() {
            self.tend_until(Instant::now() + LOOK).await;
        }
    }

    /// Keeps everything running while something else is waited for.
    pub(crate) async fn tend_while<T>(&mut self, other: impl Future<Output = T>) -> T {
        let mut other = std::pin::pin!(other);
        loop {
            tokio::select! {
                answer = &mut other => return answer,
                () = sleep(LOOK) => self.tend(),
            }
        }
    }

    /// Ends everything in good order.
    pub(crate) async fn end(mut self) -> Remains {
        let mut codes = vec![self.system.server.terminate().await];
        for party in &mut self.system.parties {
            codes.push(party.agent.terminate().await);
        }
        self.database.end();
        Remains {
            codes,
            system: self.system,
            folder: self.folder,
        }
    }

    async fn tend_until(&mut self, until: Instant) {
        loop {
            self.tend();
            let now = Instant::now();
            if now >= until {
                return;
            }
            let watch = self.kept.values().any(|kept| kept.ambush.is_some());
            sleep((until - now).min(if watch { WATCH } else { LOOK })).await;
        }
    }

    fn act(&mut self, act: Act) {
        self.say(format_args!("{act:?}"));
        match act {
            Act::Kill(Who::Database) => self.database.have(|server| server.kill9()),
            Act::Stop(Who::Database) => self.database.have(|server| server.stop()),
            Act::Start(Who::Database) => self.database.have(|server| server.start_again()),
            Act::Pause(Who::Database) => self.database.have(|server| server.pause()),
            Act::Resume(Who::Database) => self.database.have(|server| server.resume()),
            Act::Kill(who) => self.bring_down(who, Signal::SIGKILL),
            Act::Stop(who) => self.bring_down(who, Signal::SIGTERM),
            Act::Pause(who) => self.signal(who, Signal::SIGSTOP),
            Act::Resume(who) => self.signal(who, Signal::SIGCONT),
            Act::Ambush(who) => {
                let there = self.ordered(who);
                self.kept(who).ambush = Some(there);
            }
            Act::Start(who) => {
                let kept = self.kept(who);
                (kept.held, kept.ambush) = (false, None);
            }
            Act::Set(line, way) => self.line(line).set(way),
            Act::Cut(line) => self.line(line).cut(),
            Act::Hit(hit, choice) => self.hit(hit, choice),
        }
    }

    fn line(&self, line: Line) -> &Proxy {
        match line {
            Line::Rest => &self.to_rest,
            Line::Database => &self.to_database,
            Line::Agent(index) => &self.agents[index],
        }
    }

    /// What was done when, for who has to find out why a test failed.
    fn say(&self, what: std::fmt::Arguments<'_>) {
        eprintln!("{:8.3} {what}", self.began.elapsed().as_secs_f64());
    }
}
