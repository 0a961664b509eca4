//! The quota of refreshes of one session, counted by the session itself.
//!
//! The counter of a session tells how often it was refreshed. Every sixtieth refresh leaves its
//! time in the record, in a ring of ten marks. A mark may be written over only once it is an hour
//! old. The quota therefore needs no record and no round trip of its own.

use std::time::Duration;

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;

use super::{Item, time_value};
use crate::{
    account::rate_limit::{REFRESHES, time_until},
    time::Timestamp,
};

/// The refreshes between two marks.
const STEP: u32 = REFRESHES.max / MARKS;
/// The marks in the ring.
const MARKS: u32 = 10;

/// The mark that the refresh with this counter leaves, if it leaves one.
pub(super) fn mark(child: u32) -> Option<String> {
    child.is_multiple_of(STEP).then(|| format!("mark_{}", child / STEP % MARKS))
}

/// Adds the mark of a refresh to its write, on the condition that the last refreshes took an hour.
pub(super) fn with_mark(write: UpdateItemFluentBuilder, child: u32, now: Timestamp) -> UpdateItemFluentBuilder {
    let Some(mark) = mark(child) else { return write };
    let set = write.get_update_expression().clone().unwrap_or_default();
    let write = write.update_expression(format!("{set}, #mark = :now")).expression_attribute_names("#mark", mark);
    // The first marks are written into an empty ring.
    if child < REFRESHES.max {
        return write;
    }
    let only = write.get_condition_expression().clone().unwrap_or_default();
    let earliest = now.milliseconds().saturating_sub(i64::try_from(REFRESHES.window.as_millis()).unwrap_or(i64::MAX));
    write
        .condition_expression(format!(
            "{only} AND (#mark <= :earliest OR (attribute_not_exists(#mark) AND auth_time <= :earliest))"
        ))
        .expression_attribute_values(":earliest", time_value(Timestamp::from_milliseconds(earliest)))
}

/// The mark that the refresh with this counter would write over. `found` is the session's record.
pub(super) fn last_mark(found: &Item, child: u32) -> Option<Timestamp> {
    let milliseconds = found.get(&mark(child)?)?.as_n().ok()?.parse().ok()?;
    Some(Timestamp::from_milliseconds(milliseconds))
}

/// The time until the refresh with this counter is within the quota. `last_mark` is the mark that
/// it would write over; without one the time counts from the beginning of the session. `None` says
/// that the quota is no obstacle.
pub(super) fn wait(child: u32, last_mark: Option<Timestamp>, began: Timestamp, now: Timestamp) -> Option<Duration> {
    let is_limited = child >= REFRESHES.max && mark(child).is_some();
    if is_limited { time_until(last_mark.unwrap_or(began) + REFRESHES.window, now) } else { None }
}
