//! Median, percentile and AUC of durations.

use std::time::Duration;

/// The median, in milliseconds.
pub fn median_ms(times: &[Duration]) -> f64 {
    percentile_ms(times, 0.5)
}

/// The percentile for this share, from 0 to 1, in milliseconds; 0 if there are no durations.
pub fn percentile_ms(times: &[Duration], share: f64) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort();
    let rank = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).map_or(0.0, |time| time.as_secs_f64() * 1_000.0)
}

/// The probability that the duration from `left` is the shorter one of a random pair.
///
/// The value is Mann and Whitney's U divided by the number of pairs; a tie counts a half. Two
/// samples of the same distribution give 0.5.
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
