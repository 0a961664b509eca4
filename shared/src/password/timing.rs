//! The pace of failed checks: each takes as long as nearly all before it did.
//!
//! Equal work is not yet equal time: a record that is there takes a little longer to read than one that is not, a tenth of a
//! millisecond that thousands of tries bring to light. What is over waits for the same timer; what is left are the few that take longer
//! than the pace.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// A slower check draws the pace nearer to itself by this part of the difference, and by no more than that part of the pace, so that
/// one that was held up moves it little.
const UP: u64 = 4;
/// A faster one lets it sink by this part: so slowly that nearly all are faster.
const DOWN: u64 = 2_000;

/// How long failed checks take.
#[derive(Debug, Default)]
pub struct ResponseFloor(AtomicU64);

impl ResponseFloor {
    /// Takes in how long a failed check took, and says how long it ought to take.
    pub fn next(&self, took: Duration) -> Duration {
        let took = nanos(took);
        self.moved(|pace| match pace {
            0 => took,
            pace if took > pace => pace.saturating_add((took - pace).min(pace) / UP),
            pace => pace - pace / DOWN,
        })
    }

    /// The same for checks of which even the first few must not show themselves: it is drawn all the way to a slower one.
    pub fn raise(&self, took: Duration) -> Duration {
        let took = nanos(took);
        self.moved(|pace| took.max(pace - pace / DOWN))
    }

    /// What it is after another check that it does not take in.
    pub fn decay(&self) -> Duration {
        self.moved(|pace| pace - pace / DOWN)
    }

    /// Those at the same time may overlook each other, which costs nothing: each of them moves it by a little only.
    fn moved(&self, to: impl FnOnce(u64) -> u64) -> Duration {
        let pace = to(self.0.load(Ordering::Relaxed));
        self.0.store(pace, Ordering::Relaxed);
        Duration::from_nanos(pace)
    }
}

fn nanos(took: Duration) -> u64 {
    u64::try_from(took.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLISECOND: f64 = 1_000_000.0;

    /// Times around `middle` with a long tail, as hashes take them; the same ones each time.
    fn times(middle: f64, seed: u64) -> impl Iterator<Item = Duration> {
        let mut dice = fastrand::Rng::with_seed(seed);
        std::iter::repeat_with(move || {
            let spread: f64 = (0..12).map(|_| dice.f64()).sum::<f64>() - 6.0;
            let held_up = if dice.f64() < 0.02 { 20.0 } else { 0.0 };
            Duration::from_nanos(((middle + spread * 0.3 + held_up) * MILLISECOND) as u64)
        })
    }

    #[test]
    fn two_kinds_of_checks_that_differ_by_a_little_take_the_same_time() {
        let pace = ResponseFloor::default();
        let (mut before, mut after) = (Vec::new(), Vec::new());
        for (unknown, known) in times(20.0, 1).zip(times(20.4, 2)).take(4_000) {
            before.push((unknown, known));
            after.push((unknown.max(pace.next(unknown)), known.max(pace.next(known))));
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
    fn one_that_was_held_up_moves_it_little_and_it_sinks_again() {
        let pace = ResponseFloor::default();
        let of = |milliseconds| pace.next(Duration::from_millis(milliseconds)).as_millis();
        assert_eq!((of(20), of(60_000)), (20, 25));
        for _ in 0..1_000 {
            of(10);
        }
        assert!((10..=16).contains(&of(10)));
    }

    #[test]
    fn a_slower_kind_is_kept_to_at_once_and_an_outlier_does_not_rule_for_ever() {
        let pace = ResponseFloor::default();
        assert_eq!(pace.decay(), Duration::ZERO, "nobody waits for what was never met");
        assert_eq!(pace.raise(Duration::from_millis(80)), Duration::from_millis(80));
        assert_eq!(pace.raise(Duration::from_secs(2)), Duration::from_secs(2));
        for _ in 0..10_000 {
            pace.decay();
        }
        assert!(pace.raise(Duration::from_millis(80)) < Duration::from_millis(90));
    }
}
