//! Picks a thousand times and does nothing else, so that callgrind can count a pick's instructions.
//!
//! ```sh
//! cargo build --release -p pointsman-strategy --example count_picks
//! valgrind --tool=callgrind --callgrind-out-file=/dev/null --toggle-collect='*thousand_picks*' \
//!     target/release/examples/count_picks peak-ewma 100
//! ```
//!
//! What it reports as collected is a thousand picks. The members are busy and no two alike, or with
//! a third argument `alike`.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

mod members;

use std::hint::black_box;

use pointsman_clock::Dice;
use pointsman_strategy::{Ask, Candidate, Pick};

#[inline(never)]
fn thousand_picks(strategy: &dyn Pick, ask: &Ask, among: &[Candidate]) {
    let mut dice = Dice::new(1);
    for _ in 0..1_000 {
        black_box(strategy.pick(black_box(ask), black_box(among), &mut dice));
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let wanted = args.next().unwrap_or_else(|| "simple-shuffle".to_owned());
    let count = args.next().map_or(Ok(100), |count| count.parse())?;
    let among = match args.next().as_deref() {
        None | Some("busy") => members::busy(count),
        Some("alike") => members::alike(count),
        Some(_) => return Err("members are busy or alike".into()),
    };
    let mut strategies = members::strategies().into_iter();
    let (name, strategy) =
        strategies.find(|(name, _)| *name == wanted).ok_or("no such strategy")?;
    thousand_picks(&*strategy, &members::ask(), &among);
    println!("{name}: 1,000 picks from {count}");
    Ok(())
}
