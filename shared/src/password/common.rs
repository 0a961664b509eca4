//! Common passwords, which attackers try first.

use std::iter;

use fst::Set;
use zeroize::Zeroizing;

use super::skeleton::{cores, skeleton};

/// The skeletons of 8,354 common passwords, of the words in them and of further words, which
/// `build.rs` compiles. Opening the set reads its last 20 bytes, and a lookup follows one path.
/// Nothing is ever parsed or allocated.
static COMMON: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/common-passwords.fst"));

/// Whether many people have chosen this password before, or a word in it with other digits and
/// signs around the word.
///
/// Case, look-alike signs such as `@` for `a`, and digits and signs at the ends count for nothing.
/// A word passes with more than twice as many digits and signs: they then carry the weight.
pub fn is_common(password: &str) -> bool {
    let is_listed =
        |text: &str| Set::new(COMMON).is_ok_and(|set| set.contains(Zeroizing::new(skeleton(text)).as_str()));
    is_listed(password) || cores(password).any(is_listed)
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
    const WORDS: &str = include_str!("../../common-words.txt");

    #[test]
    fn every_line_of_the_lists_is_common_in_any_disguise() {
        assert_eq!(LIST.lines().count(), 8_354);
        for line in LIST.lines().chain(WORDS.lines()) {
            assert!(is_common(line) && is_common(&line.to_uppercase()), "{line}");
        }
    }

    #[test]
    fn a_common_word_is_no_better_with_digits_signs_or_look_alikes() {
        for password in [
            "P@ssw0rd1",
            "Summer2026",
            "Welcome1!",
            "Qwerty123!",
            "Admin@123",
            "Winter2025!",
            "Passw0rd!!",
            "l3tm31n!",
            "Monday123",
            "Pa$$word99",
            "$ummer2027",
            "2026Summer",
            "!!Letmein!!",
            "D3c3mb3r24",
            "Januar2026",
            "Juillet2026",
            "Dr4g0n777",
            "1loveyou!",
            "password1234567890",
            "q1w2e3r4t5y6u7i8o9p0-",
            "Football1",
            "M1chael1985",
            "Firebase123",
            "Test1234!",
        ] {
            assert!(is_common(password), "{password}");
        }
    }

    #[test]
    fn good_passwords_pass() {
        for password in [
            "",
            "correct horse battery",
            "violet tractor 47 umbrella",
            "summer rain on monday",
            "k7Gq!x92mP",
            "Xy9#kqLw2b",
            "5uc4-9xkq-71mz",
            "tea84019273",
            "hunter cabbage",
        ] {
            assert!(!is_common(password), "{password}");
        }
    }

    /// A refusal by accident costs a person a good password. Eight random characters may begin with
    /// a common word of four letters in disguise, by chance.
    #[test]
    fn at_most_two_random_passwords_of_ten_thousand_are_refused() {
        let mut rng = fastrand::Rng::with_seed(14);
        let mut refused = Vec::new();
        for length in 8..18 {
            for _ in 0..1_000 {
                let password: String = (0..length).map(|_| char::from(rng.u8(b'!'..=b'~'))).collect();
                if is_common(&password) || is_run(&password) {
                    refused.push(password);
                }
            }
        }
        assert!(refused.len() <= 2, "{refused:?}");
    }

    #[test]
    fn no_pass_phrase_of_four_common_words_is_refused() {
        let words: Vec<&str> = WORDS.lines().collect();
        let mut rng = fastrand::Rng::with_seed(14);
        for _ in 0..10_000 {
            let phrase: Vec<&str> = (0..4).map(|_| words[rng.usize(..words.len())]).collect();
            assert!(!is_common(&phrase.join(" ")) && !is_common(&phrase.join("-")), "{phrase:?}");
        }
    }

    #[test]
    fn the_list_is_sorted_in_lower_case_and_has_no_password_that_is_too_short_anyway() {
        assert!(LIST.lines().is_sorted() && WORDS.lines().is_sorted());
        assert!(LIST.lines().all(|line| line == line.to_lowercase() && line.chars().count() >= 8));
        assert!(COMMON.len() < 80_000, "{} bytes in every function that hashes", COMMON.len());
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
