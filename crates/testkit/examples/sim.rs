//! Lives through simulated worlds: `cargo xtask sim --help`.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it talks to a terminal")]

use std::{
    collections::BTreeMap,
    process::ExitCode,
    sync::{
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    time::Instant,
};

use pointsman_testkit::world::{Mutant, Plan, Report, run};

const HELP: &str = "\
Lives through simulated worlds and checks their laws.

Usage: cargo xtask sim [options]

Options:
  --seed <n>       the first world, 1 unless given
  --seeds <n>      how many worlds, 1 unless given
  --calls <n>      calls in each, 200 unless given
  --mutant <name>  put a bug in on purpose: succeeds when some law notices; `all` tries each
  -h, --help       show this
";

struct Options {
    seed: u64,
    seeds: Option<u64>,
    calls: usize,
    mutants: Vec<Mutant>,
}

fn main() -> ExitCode {
    match parse(lexopt::Parser::from_env()) {
        Ok(None) => {
            print!("{HELP}");
            ExitCode::SUCCESS
        }
        Ok(Some(options)) if options.mutants.is_empty() => sweep(&options),
        Ok(Some(options)) => mutants(&options),
        Err(error) => {
            eprintln!("{error}; see `cargo xtask sim --help`");
            ExitCode::from(2)
        }
    }
}

fn parse(mut args: lexopt::Parser) -> Result<Option<Options>, lexopt::Error> {
    use lexopt::prelude::{Long, Short, ValueExt};
    let mut options = Options { seed: 1, seeds: None, calls: 200, mutants: Vec::new() };
    while let Some(arg) = args.next()? {
        match arg {
            Short('h') | Long("help") => return Ok(None),
            Long("seed") => options.seed = args.value()?.parse()?,
            Long("seeds") => options.seeds = Some(args.value()?.parse()?),
            Long("calls") => options.calls = args.value()?.parse()?,
            Long("mutant") => {
                let name = args.value()?.string()?;
                options.mutants = match Mutant::named(&name) {
                    Some(mutant) => vec![mutant],
                    None if name == "all" => Mutant::ALL.to_vec(),
                    None => {
                        let all = Mutant::ALL.map(Mutant::name).join(", ");
                        return Err(format!("there is no bug `{name}`; there is {all}").into());
                    }
                };
            }
            other => return Err(other.unexpected()),
        }
    }
    Ok(Some(options))
}

/// The time of the machine, to tell how fast it goes.
#[expect(clippy::disallowed_methods, reason = "nothing is decided by it")]
fn start() -> Instant {
    Instant::now()
}

/// Worlds of ever new seeds; stops at the first that breaks a law.
fn sweep(options: &Options) -> ExitCode {
    let seeds = options.seeds.unwrap_or(1);
    let (began, next) = (start(), AtomicU64::new(0));
    let (tell, told) = mpsc::channel::<Report>();
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            let (next, tell) = (&next, tell.clone());
            scope.spawn(move || {
                loop {
                    let nth = next.fetch_add(1, Ordering::Relaxed);
                    let plan =
                        Plan { seed: options.seed + nth, calls: options.calls, mutant: None };
                    if nth >= seeds || tell.send(run(plan)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(tell);
        let mut sum = Sum::default();
        for report in told {
            if !report.broken.is_empty() || seeds == 1 {
                print!("{report}");
            }
            if !report.broken.is_empty() {
                next.store(seeds, Ordering::Relaxed);
                return ExitCode::FAILURE;
            }
            sum.add(&report);
            if sum.worlds % 500 == 0 {
                println!("{} of {seeds} worlds hold, {:.0} a second", sum.worlds, sum.rate(began));
            }
        }
        sum.print(began);
        ExitCode::SUCCESS
    })
}

/// What many worlds came to.
#[derive(Default)]
struct Sum {
    worlds: u64,
    sends: usize,
    steps: u64,
    reloads: u32,
    hours: f64,
    ends: BTreeMap<&'static str, usize>,
}

impl Sum {
    fn add(&mut self, report: &Report) {
        self.worlds += 1;
        self.sends += report.sends;
        self.steps += report.steps;
        self.reloads += report.reloads;
        self.hours += report.lasted.as_secs_f64() / 3_600.0;
        for (name, count) in &report.ends {
            *self.ends.entry(name).or_default() += count;
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    fn rate(&self, began: Instant) -> f64 {
        self.worlds as f64 / began.elapsed().as_secs_f64()
    }

    fn print(&self, began: Instant) {
        let calls: usize = self.ends.values().sum();
        println!(
            "{} worlds hold every law: {calls} calls, {} sends, {} reloads, {} steps checked, \
             {:.1} hours in {:.1} s ({:.0} worlds a second)",
            self.worlds,
            self.sends,
            self.reloads,
            self.steps,
            self.hours,
            began.elapsed().as_secs_f64(),
            self.rate(began)
        );
        for (name, count) in &self.ends {
            println!("  {count:>9} {name}");
        }
    }
}

/// Bugs on purpose: each must be noticed in some world.
fn mutants(options: &Options) -> ExitCode {
    let seeds = options.seeds.unwrap_or(200);
    let mut missed = 0;
    for mutant in &options.mutants {
        let caught = (options.seed..options.seed + seeds)
            .map(|seed| run(Plan { seed, calls: options.calls, mutant: Some(*mutant) }))
            .find(|report| !report.broken.is_empty());
        let Some(report) = caught else {
            missed += 1;
            println!("{:<20} NOT CAUGHT in {seeds} worlds", mutant.name());
            continue;
        };
        let laws = report.laws.join("; ");
        println!("{:<20} caught by seed {:<4} {laws}", mutant.name(), report.plan.seed);
        if options.mutants.len() == 1 {
            print!("{report}");
        }
    }
    if missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
