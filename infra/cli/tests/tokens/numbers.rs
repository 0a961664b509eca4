//! Numbers keep their digits from the payload of `/jwt/encode` to the claims that are told.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::json;

use super::{decode, encode, shared_secret_service, verify};

/// The number of numbers of any size and form.
const NUMBERS: usize = 400;

fn digits(random: &mut fastrand::Rng, most: usize) -> String {
    (0..random.usize(1..=most)).map(|_| random.digit(10)).collect()
}

/// A number as JSON allows it (RFC 8259 section 6).
fn number(random: &mut fastrand::Rng) -> String {
    let mut text = if random.bool() { "-" } else { "" }.to_owned();
    let whole = digits(random, 40);
    let whole = whole.trim_start_matches('0');
    text += if whole.is_empty() { "0" } else { whole };
    if random.bool() {
        text = format!("{text}.{}", digits(random, 40));
    }
    if random.bool() {
        let (e, sign) = (random.choice(["e", "E"]).unwrap(), random.choice(["", "+", "-"]).unwrap());
        text = format!("{text}{e}{sign}{}", digits(random, 4));
    }
    text
}

/// The number as it is signed: each exponent has a small letter and a sign.
fn as_signed(number: &str) -> String {
    let text = number.replace('E', "e");
    match text.split_once('e') {
        Some((mantissa, exponent)) if !exponent.starts_with(['+', '-']) => format!("{mantissa}e+{exponent}"),
        _ => text,
    }
}

#[tokio::test(start_paused = true)]
async fn a_number_of_any_size_and_form_keeps_its_digits() {
    let service = shared_secret_service().await;
    let mut random = fastrand::Rng::with_seed(7);
    for index in 0..NUMBERS {
        let number = number(&mut random);
        let payload = format!(r#"{{"n":{number},"in":[{{"deep":{number}}}]}}"#);
        let body = if index % 2 == 0 {
            format!(r#"{{"payload":{payload}}}"#)
        } else {
            json!({"payload": payload}).to_string()
        };
        let token = encode(&service, body).await.is(200).body["token"].as_str().unwrap().to_owned();
        let signed = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
        let (signed, expected) = (String::from_utf8(signed).unwrap(), as_signed(&number));
        assert!(signed.contains(&format!(r#""n":{expected}}}"#)), "{number}: {signed}");
        let verified = verify(&service, &token).await.is(200).body["claims"].clone();
        let decoded = decode(&service, &token).await.is(200).body["payload"].clone();
        for claims in [verified, decoded] {
            assert_eq!(claims["n"].to_string(), expected);
            assert_eq!(claims["in"][0]["deep"].to_string(), expected);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn two_ids_that_differ_in_their_last_digit_are_two_users() {
    let service = shared_secret_service().await;
    for (id, uid) in [
        ("113774264463038321964", "113774264463038321964"),
        ("113774264463038321965", "113774264463038321965"),
        ("9007199254740993", "9007199254740993"),
        ("18446744073709551616", "18446744073709551616"),
        ("42", "42"),
        // Every JavaScript program reads 42 and 100 here.
        ("42.0", "42"),
        ("1e2", "100"),
        ("-7", "-7"),
        ("1.50", "1.50"),
        ("1e400", "1e+400"),
    ] {
        let answer = encode(&service, format!(r#"{{"payload":{{"user_id":{id}}}}}"#)).await.is(200);
        let token = answer.body["token"].as_str().unwrap();
        assert_eq!(verify(&service, token).await.is(200).body["uid"], uid, "{id}");
        assert_eq!(decode(&service, token).await.is(200).body["uid"], uid, "{id}");
    }
    let role = encode(&service, r#"{"payload":{"user_id":1,"role_id":7.0}}"#.to_owned()).await.is(200);
    assert_eq!(verify(&service, role.body["token"].as_str().unwrap()).await.is(200).body["role_id"], 7);
}

#[tokio::test(start_paused = true)]
async fn text_that_is_no_number_is_no_json() {
    let service = shared_secret_service().await;
    for wrong in ["NaN", "Infinity", "-Infinity", "01", "1.", ".5", "+1", "0x10", "1_000", "1e"] {
        encode(&service, format!(r#"{{"payload":{{"n":{wrong}}}}}"#)).await.refused(400, "invalid_request");
    }
}
