//! Numbers of JSON, which have any number of digits. A double would lose some of them.

use serde_json::{Number, Value};

/// The most digits of a whole number that is told without an exponent. A uid of Firebase is as long
/// at most.
const DIGITS_MAX: usize = 128;

/// The text of a number that names something, such as a user. A whole number is told by its digits
/// alone, as every JavaScript program tells it: `42.0` is `42`, and `1e2` is `100`. Any other
/// number stands as it was written.
pub fn plain(number: &Number) -> String {
    let text = number.to_string();
    whole_digits(&text).unwrap_or(text)
}

/// A whole number that is not negative, however it was written.
pub fn whole(value: &Value) -> Option<u64> {
    let Value::Number(number) = value else { return None };
    plain(number).parse().ok()
}

/// The digits of a whole number, with its sign.
fn whole_digits(text: &str) -> Option<String> {
    let (sign, unsigned) = text.strip_prefix('-').map_or(("", text), |unsigned| ("-", unsigned));
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let (before, after) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = [before, after].concat();
    let significant = digits.trim_end_matches('0');
    if significant.is_empty() {
        return Some("0".to_owned());
    }
    // The place of the decimal point among the digits.
    let point = usize::try_from(i64::try_from(before.len()).ok()?.checked_add(exponent.parse().ok()?)?).ok()?;
    let leading_zeros = significant.len() - significant.trim_start_matches('0').len();
    if point < significant.len() || point - leading_zeros > DIGITS_MAX {
        return None;
    }
    let kept = significant.get(leading_zeros..)?;
    Some(format!("{sign}{kept}{}", "0".repeat(point - significant.len())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Number {
        text.parse().unwrap()
    }

    #[test]
    fn a_whole_number_is_told_by_its_digits_and_any_other_as_it_stands() {
        for (text, told) in [
            ("7", "7"),
            ("-7", "-7"),
            ("0", "0"),
            ("-0", "0"),
            ("0.0", "0"),
            ("0e9", "0"),
            ("42.0", "42"),
            ("1e2", "100"),
            ("1E+2", "100"),
            ("100e-2", "1"),
            ("1.5e1", "15"),
            ("0.05e2", "5"),
            ("-1.20e1", "-12"),
            ("113774264463038321964", "113774264463038321964"),
            ("1.5", "1.5"),
            ("-0.5", "-0.5"),
            ("1e-1", "1e-1"),
            ("10.50", "10.50"),
            ("1e400", "1e+400"),
            ("1e99999999999999999999", "1e+99999999999999999999"),
        ] {
            assert_eq!(plain(&number(text)), told, "{text}");
        }
        assert_eq!(plain(&number("1e127")).len(), 128);
        assert_eq!(plain(&number("1e128")), "1e+128");
    }

    #[test]
    fn a_count_may_be_written_in_any_form() {
        let of = |text: &str| whole(&Value::Number(number(text)));
        assert_eq!((of("7"), of("7.0"), of("1e3"), of("-1"), of("1.5")), (Some(7), Some(7), Some(1000), None, None));
        assert_eq!((of("18446744073709551615"), of("18446744073709551616")), (Some(u64::MAX), None));
        assert_eq!(whole(&Value::from("7")), None);
    }
}
