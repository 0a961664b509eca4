//! Random numbers that can be had again.

use std::env;

use fastrand::Rng;

/// The random numbers of a case, from a seed that is printed; `--seed=` with that number gives them again.
pub fn seeded_rng(case: &str) -> Rng {
    let given = env::args().find_map(|word| word.strip_prefix("--seed=")?.parse().ok());
    let seed = given.unwrap_or_else(|| fastrand::u64(..));
    println!("campaign: {case} with --seed={seed}");
    Rng::with_seed(seed)
}

/// Letters and digits, so that no encoding on the way changes them.
pub fn alphanumeric(rng: &mut Rng, count: usize) -> String {
    (0..count).map(|_| rng.alphanumeric()).collect()
}
