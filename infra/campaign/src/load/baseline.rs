//! The rate of bare hashes, which bounds the rate of logins.

use std::{thread, time::Duration};

use argon2::{Algorithm, Argon2, Block, Params, Version};
use shared::config::Config;
use tokio::time::Instant;

/// Hashes per second with the default parameters, on all cores, each with its own memory.
pub fn hashes_per_second(time: Duration) -> f64 {
    let policy = Config::read(|_| None).expect("the defaults are right").accounts.password_policy;
    let params = Params::new(policy.memory_kib, policy.iterations, 1, Some(32)).expect("Argon2 accepts the parameters");
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let threads: Vec<_> =
        (0..cores).map(|_| params.clone()).map(|params| thread::spawn(move || rate(params, time))).collect();
    threads.into_iter().map(|thread| thread.join().expect("a rate")).sum()
}

fn rate(params: Params, time: Duration) -> f64 {
    let mut area = vec![Block::default(); params.block_count()];
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let mut output = [0; 32];
    let (started, mut hashes) = (Instant::now(), 0_u32);
    while started.elapsed() < time {
        let hashed = argon2.hash_password_into_with_memory(b"correct horse battery", &[5; 16], &mut output, &mut area);
        hashed.expect("Argon2 accepts the parameters");
        hashes += 1;
    }
    f64::from(hashes) / started.elapsed().as_secs_f64()
}
