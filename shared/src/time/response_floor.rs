//! A response-time floor: each answer takes as long as nearly all before it did.
//!
//! Equal work is not yet equal time. A record that exists takes a tenth of a millisecond longer to
//! read than a missing one, and thousands of tries bring that to light. Failed checks of passwords
//! and requests for mails therefore wait for the floor, on the same timer as all others. Only the
//! few slower ones still differ.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use tokio::time;

/// A slower check raises the floor by a quarter of the difference, and by no more than a quarter of
/// the floor. One check that was held up therefore raises the floor little.
const RAISE_DIVISOR: u64 = 4;
/// A faster check lowers the floor by a two-thousandth: so slowly that nearly all checks are
/// faster.
const DECAY_DIVISOR: u64 = 2_000;

/// The time that a failed check should take, in nanoseconds. Zero before the first check.
#[derive(Debug, Default)]
pub struct ResponseFloor(AtomicU64);

impl ResponseFloor {
    /// Moves the floor by the duration of a failed check, and returns the time the check should
    /// take.
    pub fn adapt(&self, took: Duration) -> Duration {
        let took = nanos(took);
        self.update(|floor| match floor {
            0 => took,
            floor if took > floor => floor.saturating_add((took - floor).min(floor) / RAISE_DIVISOR),
            floor => floor - floor / DECAY_DIVISOR,
        })
    }

    /// Like [`Self::adapt`], but a slower check raises the floor to its own duration at once: not
    /// even the first few of such checks may differ.
    pub fn raise(&self, took: Duration) -> Duration {
        let took = nanos(took);
        self.update(|floor| took.max(floor - floor / DECAY_DIVISOR))
    }

    /// Lowers the floor after a check whose duration does not count here, and returns the floor.
    pub fn decay(&self) -> Duration {
        self.update(|floor| floor - floor / DECAY_DIVISOR)
    }

    /// Sets the floor. A concurrent update may be lost, which costs little: the next check moves
    /// the floor again.
    fn update(&self, change: impl FnOnce(u64) -> u64) -> Duration {
        let floor = change(self.0.load(Ordering::Relaxed));
        self.0.store(floor, Ordering::Relaxed);
        Duration::from_nanos(floor)
    }
}

/// Waits from `took` until `due`, both counted from the start of the work. Do first whatever must
/// happen: the client may hang up during this wait.
pub async fn pad(took: Duration, due: Duration) {
    // A sleep of zero would still wait for a tick of the timer.
    let wait = due.saturating_sub(took);
    if !wait.is_zero() {
        time::sleep(wait).await;
    }
}

fn nanos(took: Duration) -> u64 {
    u64::try_from(took.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLISECOND: f64 = 1_000_000.0;

    /// Durations around `middle` with a long tail, like those of hashes. A seed repeats them.
    fn times(middle: f64, seed: u64) -> impl Iterator<Item = Duration> {
        let mut rng = fastrand::Rng::with_seed(seed);
        std::iter::repeat_with(move || {
            let spread: f64 = (0..12).map(|_| rng.f64()).sum::<f64>() - 6.0;
            let held_up = if rng.f64() < 0.02 { 20.0 } else { 0.0 };
            Duration::from_nanos(((middle + spread * 0.3 + held_up) * MILLISECOND) as u64)
        })
    }

    #[test]
    fn two_kinds_of_checks_that_differ_by_a_little_take_the_same_time() {
        let floor = ResponseFloor::default();
        let (mut before, mut after) = (Vec::new(), Vec::new());
        for (unknown, known) in times(20.0, 1).zip(times(20.4, 2)).take(4_000) {
            before.push((unknown, known));
            after.push((unknown.max(floor.adapt(unknown)), known.max(floor.adapt(known))));
        }
        // A timer has ticks of a millisecond.
        let tick = |time: Duration| time.as_millis() + 1;
        let faster = |pairs: &[(Duration, Duration)]| {
            let wins = pairs.iter().flat_map(|a| pairs.iter().step_by(40).map(move |b| (tick(a.0), tick(b.1))));
            let (mut score, mut all) = (0.0, 0.0);
            for (unknown, known) in wins {
                score += if unknown < known {
                    1.0
                } else if unknown == known {
                    0.5
                } else {
                    0.0
                };
                all += 1.0;
            }
            score / all
        };
        let (before, after) = (faster(&before), faster(&after[1_000..]));
        assert!(before > 0.65 && (after - 0.5_f64).abs() < 0.02, "AUC {before:.3} before, {after:.3} after");
    }

    #[test]
    fn a_check_that_was_held_up_raises_the_floor_little_and_the_floor_decays_again() {
        let floor = ResponseFloor::default();
        let adapt = |milliseconds| floor.adapt(Duration::from_millis(milliseconds)).as_millis();
        assert_eq!((adapt(20), adapt(60_000)), (20, 25));
        for _ in 0..1_000 {
            adapt(10);
        }
        assert!((10..=16).contains(&adapt(10)));
    }

    #[test]
    fn a_slower_kind_raises_the_floor_at_once_and_an_outlier_does_not_hold_it_for_ever() {
        let floor = ResponseFloor::default();
        assert_eq!(floor.decay(), Duration::ZERO, "nobody waits before the first check");
        assert_eq!(floor.raise(Duration::from_millis(80)), Duration::from_millis(80));
        assert_eq!(floor.raise(Duration::from_secs(2)), Duration::from_secs(2));
        for _ in 0..10_000 {
            floor.decay();
        }
        assert!(floor.raise(Duration::from_millis(80)) < Duration::from_millis(90));
    }
}
