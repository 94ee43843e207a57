//! Everything in one go: each server in turn, round after round, then the comparison.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;

use crate::load::{Pace, Shape, Times};
use crate::report::{Results, Signals};
use crate::servers::{self, Place, Target};
use crate::tally::Seats;
use crate::{chart, chat, goals, idle, load, machine, start};

/// Signals through rooms; PERF names them so.
pub(crate) const SIGNALS: [(&str, &str, Shape); 5] = [
    ("S1", "1 room of 1,000, one message in flight", shape([1, 1_000, 1], Pace::Window(1))),
    ("S1w", "1 room of 1,000, 16 messages in flight", shape([1, 1_000, 1], Pace::Window(16))),
    ("S2", "100 rooms of 10, all publish, one message in flight each", shape([100, 10, 10], Pace::Window(1))),
    ("R3", "1 room of 1,000, 1,000 messages/s", shape([1, 1_000, 100], Pace::Rate(1_000))),
    ("R4", "100 rooms of 10, 10,000 messages/s", shape([100, 10, 10], Pace::Rate(10_000))),
];
const OTHERS: [&str; 4] = ["MEM", "JOIN", "CHAT", "START"];
const HISTORY: usize = 50;
/// Where the other ways to speak to our server stand beside the native one.
const OTHER_WAYS: [&str; 2] = ["S1", "S2"];

const fn shape([rooms, members, publishers]: [usize; 3], pace: Pace) -> Shape {
    Shape { seats: Seats { rooms, members, publishers }, pace }
}

#[derive(Args)]
pub(crate) struct Options {
    /// Seconds measured per round.
    #[arg(long, default_value_t = 8)]
    seconds: u64,
    /// Rounds of each measurement; the median counts.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// One round of two seconds: to see whether it works, not how fast.
    #[arg(long)]
    quick: bool,
    /// Only these scenarios: S1,S1w,S2,R3,R4,MEM,JOIN,CHAT,START.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Only these servers: raw,raw-join,socket.io,sidetalk,sidetalk-posts,openvidu,opentok,opentalk.
    #[arg(long, value_delimiter = ',', value_enum)]
    targets: Vec<Target>,
    /// Also measure the start with so many messages stored (START); 1,000,000 take minutes to fill.
    #[arg(long)]
    fill: Option<usize>,
    /// The server's binary [default: beside this one].
    #[arg(long)]
    sidetalk: Option<PathBuf>,
    /// Scratch space on the disk to be measured [default: target/bench].
    #[arg(long)]
    scratch: Option<PathBuf>,
    /// Where the results go [default: bench/results, or target/bench if not everything is measured].
    #[arg(long)]
    out: Option<PathBuf>,
    #[arg(long, default_value_t = 0)]
    server_core: usize,
    #[arg(long, default_value_t = 1)]
    generator_core: usize,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let mut bench = Bench::new(options)?;
    for round in 0..bench.rounds {
        bench.round(round)?;
    }
    if let Some(messages) = options.fill.filter(|_| bench.wants("START", Target::Sidetalk)) {
        bench.attempt("START", Target::Sidetalk, |bench| {
            bench.results.start = Some(start::measure(&bench.place, messages)?);
            Ok(())
        });
    }
    bench.finish()
}

struct Bench<'a> {
    options: &'a Options,
    place: Place,
    times: Times,
    rounds: usize,
    out: PathBuf,
    results: Results,
}

impl Bench<'_> {
    fn new(options: &Options) -> Result<Bench<'_>> {
        let known = |name: &String| {
            SIGNALS.iter().any(|(signal, ..)| signal == name) || OTHERS.contains(&name.as_str())
        };
        if let Some(name) = options.only.iter().find(|name| !known(name)) {
            bail!("there is no scenario {name}");
        }
        ensure!(
            machine::cores() > options.server_core.max(options.generator_core),
            "this needs two cores: one for the server, one for the generator"
        );
        let program = std::env::current_exe()?;
        let built = program.parent().context("the program lies in no folder")?;
        let scratch = options.scratch.clone().unwrap_or_else(|| built.with_file_name("bench"));
        fs::create_dir_all(&scratch)?;
        let place = Place {
            sidetalk: options.sidetalk.clone().unwrap_or_else(|| built.join("sidetalk")),
            peer: Path::new(env!("CARGO_MANIFEST_DIR")).join("peer"),
            scratch: scratch.clone(),
            server_core: options.server_core,
            generator_core: options.generator_core,
        };
        let (rounds, seconds, warm_up) =
            if options.quick { (1, 2, 500) } else { (options.rounds.max(1), options.seconds.max(1), 1_000) };
        let mut results = Results {
            machine: machine::description(),
            load_average: machine::load_average(),
            commit: commit(),
            measured_at_unix_s: machine::unix_s(),
            seconds,
            rounds,
            ..Results::default()
        };
        for target in Target::ALL {
            if let Some(reason) = place
                .missing(target)
                .filter(|_| options.targets.is_empty() || options.targets.contains(&target))
            {
                results.problems.push(format!("{} left out: {reason}", target.name()));
            }
        }
        let complete = options.only.is_empty()
            && options.targets.is_empty()
            && !options.quick
            && results.problems.is_empty();
        let out = match &options.out {
            Some(out) => out.clone(),
            None if complete => Path::new(env!("CARGO_MANIFEST_DIR")).join("results"),
            None => scratch,
        };
        let times = Times { warm_up: Duration::from_millis(warm_up), measure: Duration::from_secs(seconds) };
        Ok(Bench { options, place, times, rounds, out, results })
    }

    /// The servers take turns, so that a busy minute of the machine meets all of them.
    fn round(&mut self, round: usize) -> Result<()> {
        eprintln!("round {} of {} (load average {:.1})", round + 1, self.rounds, machine::load_average());
        for (scenario, _, shape) in SIGNALS {
            for target in Target::ALL {
                self.attempt(scenario, target, |bench| {
                    let server = servers::start(&bench.place, target)?;
                    let outcome = load::measure(&server, shape, bench.times)?;
                    bench.results.signals.push(Signals { scenario, target, outcome });
                    Ok(())
                });
            }
        }
        for target in [Target::SocketIo, Target::Sidetalk] {
            self.attempt("MEM", target, |bench| {
                let server = servers::start(&bench.place, target)?;
                let outcome = idle::measure(&server, 0)?;
                bench.results.idle.push((target, outcome));
                Ok(())
            });
        }
        self.attempt("JOIN", Target::Sidetalk, |bench| {
            let server = servers::start(&bench.place, Target::Sidetalk)?;
            let outcome = idle::measure(&server, HISTORY)?;
            bench.results.idle.push((Target::Sidetalk, outcome));
            Ok(())
        });
        self.attempt("CHAT", Target::Sidetalk, |bench| {
            let server = servers::start(&bench.place, Target::Sidetalk)?;
            bench.results.chat.push(chat::measure(&server, bench.times, &bench.place.scratch)?);
            Ok(())
        });
        Ok(())
    }

    /// A measurement that fails is reported; the others go on.
    fn attempt(&mut self, scenario: &str, target: Target, measure: impl FnOnce(&mut Self) -> Result<()>) {
        if !self.wants(scenario, target) {
            return;
        }
        eprintln!("  {scenario} {}", target.name());
        if let Err(error) = measure(self) {
            let problem = format!("{scenario} {}: {error:#}", target.name());
            eprintln!("    {problem}");
            self.results.problems.push(problem);
        }
    }

    fn wants(&self, scenario: &str, target: Target) -> bool {
        let named = |list: &[Target]| list.is_empty() || list.contains(&target);
        (self.options.only.is_empty() || self.options.only.iter().any(|name| name == scenario))
            && named(&self.options.targets)
            && (!target.is_another_way() || OTHER_WAYS.contains(&scenario))
            && self.place.missing(target).is_none()
    }

    fn finish(mut self) -> Result<()> {
        self.results.goals = goals::judge(&self.results);
        let text = self.results.markdown();
        println!("{text}");
        fs::create_dir_all(&self.out)?;
        fs::write(self.out.join("latest.json"), serde_json::to_string_pretty(&self.results)? + "\n")?;
        fs::write(self.out.join("latest.md"), text)?;
        fs::write(self.out.join("latest.svg"), chart::draw(&self.results))?;
        println!("written: {}/latest.{{json,md,svg}}", self.out.display());
        let _ = fs::remove_dir_all(self.place.scratch.join("data"));
        let failed = self.results.problems.iter().filter(|problem| !problem.contains("left out")).count();
        ensure!(failed == 0, "{failed} measurements failed");
        Ok(())
    }
}

fn commit() -> String {
    let output = Command::new("git").args(["rev-parse", "--short", "HEAD"]).output();
    output.map_or_else(|_| String::new(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
