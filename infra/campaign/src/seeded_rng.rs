//! Random numbers that can be repeated.

use std::env;

use fastrand::Rng;

/// A random number generator for a case. It prints its seed; `--seed=` with that number repeats the
/// run.
pub fn seeded_rng(case: &str) -> Rng {
    let given = env::args().find_map(|word| word.strip_prefix("--seed=")?.parse().ok());
    let seed = given.unwrap_or_else(|| fastrand::u64(..));
    println!("campaign: {case} with --seed={seed}");
    Rng::with_seed(seed)
}

/// Random letters and digits, which no encoding changes.
pub fn alphanumeric(rng: &mut Rng, count: usize) -> String {
    (0..count).map(|_| rng.alphanumeric()).collect()
}
