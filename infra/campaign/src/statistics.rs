//! What is told of many durations.

use std::time::Duration;

/// The middle one, in milliseconds.
pub fn median_ms(times: &[Duration]) -> f64 {
    percentile_ms(times, 0.5)
}

/// The one that this share of all is not above, in milliseconds; 0 of none.
pub fn percentile_ms(times: &[Duration], share: f64) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort();
    let rank = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).map_or(0.0, |time| time.as_secs_f64() * 1_000.0)
}

/// The probability that a duration of `left` is the shorter one of a random pair: Mann and Whitney's U over the number of pairs,
/// where equal ones count a half. 0.5 is what two samples of the same distribution give.
pub fn auc(left: &[Duration], right: &[Duration]) -> f64 {
    let mut right = right.to_vec();
    right.sort();
    let pairs = (left.len() * right.len()) as f64;
    let shorter = |time: &Duration| {
        let (below, up_to) =
            (right.partition_point(|other| other < time), right.partition_point(|other| other <= time));
        (right.len() - up_to) as f64 + (up_to - below) as f64 / 2.0
    };
    left.iter().map(shorter).sum::<f64>() / pairs
}
