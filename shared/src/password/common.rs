//! Common passwords, which attackers try first.

use std::iter;

use fst::Set;

/// 8,354 common passwords of 8 code points or more, in lower case: 48,221 bytes that `build.rs`
/// compiles. Opening the set reads its last 20 bytes, and a lookup follows one path. Nothing is
/// ever parsed or allocated.
static COMMON: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/common-passwords.fst"));

/// Whether many people have chosen this password before. `folded` is the password in lower case.
pub fn is_common(folded: &str) -> bool {
    Set::new(COMMON).is_ok_and(|set| set.contains(folded))
}

/// Whether the password is one repeated character, or a run such as `abcdefghijkl` or `9876543210`.
pub fn is_run(folded: &str) -> bool {
    let mut steps = iter::zip(folded.chars(), folded.chars().skip(1))
        .map(|(a, b)| i64::from(u32::from(b)) - i64::from(u32::from(a)));
    steps.next().is_none_or(|first| (-1..=1).contains(&first) && steps.all(|step| step == first))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = include_str!("../../common-passwords.txt");

    #[test]
    fn every_line_of_the_list_is_in_the_set_and_nothing_else_is() {
        assert_eq!((LIST.lines().count(), Set::new(COMMON).unwrap().len()), (8_354, 8_354));
        assert!(LIST.lines().all(is_common));
        for password in ["", "correct horse battery", "password1234567890", "passwor", "q1w2e3r4t5y6u7i8o9p0-"] {
            assert!(!is_common(password), "{password}");
        }
    }

    #[test]
    fn the_list_is_sorted_in_lower_case_and_has_no_password_that_is_too_short_anyway() {
        assert!(LIST.lines().is_sorted());
        assert!(LIST.lines().all(|line| line == line.to_lowercase() && line.chars().count() >= 8));
        assert_eq!(COMMON.len(), 48_221, "as the documentation says");
    }

    #[test]
    fn a_run_goes_up_down_or_nowhere_by_one_step() {
        for run in ["aaaaaaaaaaaaa", "🔑🔑🔑🔑🔑🔑🔑🔑", "abcdefghijklmnop", "987654321", "          "]
        {
            assert!(is_run(run), "{run}");
        }
        for other in ["aaaaaaaaaaaab", "acegikmo", "12345687", "abcdefg1", "123456789012"] {
            assert!(!is_run(other), "{other}");
        }
    }
}
