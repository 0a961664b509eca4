//! Tokens as people paste them, and the things that people paste instead.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::json;

use super::*;

/// `{"alg":"RS256","kid":"k"}`, a payload and a signature.
const TOKEN: &str = "eyJhbGciOiJSUzI1NiIsImtpZCI6ImsifQ.eyJzdWIiOiJ1IiwiZXhwIjoxNzc5ODk0MDAwfQ.c2lnbmF0dXJl";
const OTHER: &str = "eyJhbGciOiJIUzI1NiJ9.eyJ1c2VyX2lkIjoiMSJ9.b3RoZXI";
const REFRESH: &str = "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA";

#[track_caller]
fn assert_taken_off(pasted: &str, names: &[&str]) {
    for (token, wanted) in [(TOKEN, Wanted::Jwt), (REFRESH, Wanted::RefreshToken)] {
        let text = pasted.replace("TOKEN", token);
        let found = Pasted::uncovered(&text, wanted);
        let taken_off: Vec<_> = found.taken_off.iter().copied().filter(|name| *name != layers::BLANKS_AROUND).collect();
        assert_eq!((found.text(), taken_off.as_slice()), (token, names), "{text}");
    }
}

#[test]
fn a_token_that_comes_alone_is_read_as_it_is() {
    assert_taken_off("TOKEN", &[]);
    assert_eq!(Pasted::jwt(TOKEN).unwrap().1.note(), None);
    let note = Pasted::jwt(&format!("\"{TOKEN}\"")).unwrap().1.note().unwrap();
    assert_eq!(note, "This was taken off: quotes. Send the token alone.");
    // White space at the ends is no mistake worth a word.
    assert_eq!(Pasted::jwt(&format!(" {TOKEN}\n")).unwrap().1.note(), None);
}

#[test]
fn everything_that_stands_around_a_token_is_taken_off() {
    let (header, quotes) = ("the words of the Authorization header", "quotes");
    let name = "its name";
    let (code, object) = ("the syntax of a programming language", "the object around it");
    for (pasted, names) in [
        ("Bearer TOKEN", &[header][..]),
        ("bearer TOKEN", &[header]),
        ("Bearer Bearer TOKEN", &[header]),
        ("Bearer: TOKEN", &[header]),
        ("Authorization: Bearer TOKEN", &[header]),
        ("\"Bearer TOKEN\"", &[quotes, header]),
        ("Bearer \"TOKEN\"", &[header, quotes]),
        ("JWT TOKEN", &[header]),
        (" TOKEN\r\n", &[]),
        ("\u{a0}TOKEN\u{3000}", &[]),
        ("\u{feff}TOKEN", &["characters that nobody sees"]),
        ("TOKEN\u{200b}", &["characters that nobody sees"]),
        ("\"TOKEN\"", &[quotes]),
        ("'TOKEN'", &[quotes]),
        ("`TOKEN`", &[quotes]),
        ("“TOKEN”", &[quotes]),
        ("„TOKEN“", &[quotes]),
        ("«TOKEN»", &[quotes]),
        ("TOKEN\"", &[quotes]),
        ("\\\"TOKEN\\\"", &[quotes]),
        ("b'TOKEN'", &[code, quotes]),
        ("b\"TOKEN\"", &[code, quotes]),
        ("Optional(\"TOKEN\")", &[code, quotes]),
        ("token: TOKEN", &[header]),
        ("refresh_token=TOKEN", &[name]),
        ("access_token=TOKEN", &[name]),
        ("const token = 'TOKEN';", &[name, quotes, "punctuation"]),
        ("TOKEN,", &["punctuation"]),
        ("TOKEN;", &["punctuation"]),
        ("<TOKEN>", &["brackets"]),
        ("{{TOKEN}}", &["brackets"]),
        ("(TOKEN)", &["brackets"]),
        ("Bearer%20TOKEN", &[header, "percent-encoding"]),
        ("%22TOKEN%22%0A", &["percent-encoding", quotes]),
        ("{\"access_token\":\"TOKEN\",\"refresh_token\":\"TOKEN\"}", &[object]),
        ("{\"data\":{\"idToken\":\"TOKEN\",\"refreshToken\":\"TOKEN\"}}", &[object]),
        ("access_token=TOKEN&refresh_token=TOKEN&token_type=bearer", &[name]),
        ("https://app.example/#access_token=TOKEN&refresh_token=TOKEN", &[name]),
        ("TOKEN TOKEN", &["a copy of the token"]),
        ("TOKEN, Bearer TOKEN", &["a copy of the token"]),
    ] {
        if pasted == "const token = 'TOKEN';" || pasted == "token: TOKEN" {
            // The order of the names is of no interest here.
            assert_eq!(Pasted::uncovered(&pasted.replace("TOKEN", TOKEN), Wanted::Jwt).text(), TOKEN, "{pasted}");
        } else {
            assert_taken_off(pasted, names);
        }
    }
}

#[test]
fn a_token_in_lines_is_put_together() {
    for (token, wanted) in [(TOKEN, Wanted::Jwt), (REFRESH, Wanted::RefreshToken)] {
        for width in [7, 20, 40] {
            for between in ["\n", "\r\n", "\n    ", "\\n"] {
                let lines: Vec<&str> =
                    (0..token.len()).step_by(width).map(|at| &token[at..token.len().min(at + width)]).collect();
                let found = Pasted::uncovered(&lines.join(between), wanted);
                assert_eq!(found.text(), token, "{width} {between:?}");
            }
        }
    }
}

#[test]
fn a_change_inside_a_token_is_never_undone() {
    let (head, tail) = TOKEN.split_at(TOKEN.len() - 5);
    for changed in [
        format!("{head} {tail}"),
        format!("{head}\t{tail}"),
        format!("{TOKEN}."),
        format!("{TOKEN}{TOKEN}"),
        TOKEN.replace('.', "%2E"),
        format!("[\"{TOKEN}\"]"),
        STANDARD.encode(TOKEN),
        format!("{TOKEN}="),
    ] {
        assert!(Pasted::jwt(&changed).is_err(), "{changed}");
    }
}

#[test]
fn the_other_tokens_of_an_object_are_found_once() {
    let object =
        json!({"access_token": TOKEN, "jwt_token": OTHER, "token": OTHER, "refresh_token": REFRESH}).to_string();
    for pasted in [object.clone(), format!("'{object}'")] {
        let (_, found) = Pasted::jwt(&pasted).unwrap();
        assert_eq!((found.text(), found.beside(&pasted)), (TOKEN, vec![("jwt_token".to_owned(), OTHER.to_owned())]));
    }
    let (_, found) = Pasted::jwt(TOKEN).unwrap();
    assert_eq!(found.beside(TOKEN), []);
}

#[test]
fn a_thing_that_is_no_token_is_called_by_its_name_in_both_places() {
    let jwe = "eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ.a.b.c.d";
    let account = r#"{"type":"service_account","private_key":"x","token_uri":"https://oauth2.googleapis.com/token"}"#;
    for (pasted, name) in [
        ("null", "the text null"),
        ("Bearer null", "the text null"),
        ("\"undefined\"", "the text undefined"),
        ("None", "the text none"),
        ("nil", "the text nil"),
        ("NaN", "the text nan"),
        ("true", "the text true"),
        ("[\"null\"]", "a list: take its entry"),
        ("[object Object]", "the text of an object"),
        ("Instance of 'Future<String>'", "the text of an object"),
        ("Bearer", "the word Bearer alone"),
        ("<token>", "a placeholder"),
        ("{{token}}", "a placeholder"),
        ("${TOKEN}", "a placeholder"),
        ("$token", "a placeholder"),
        ("%TOKEN%", "a placeholder"),
        ("[access token]", "a placeholder"),
        ("YOUR_TOKEN", "a text that only stands for a token"),
        ("your-access-token-here", "a text that only stands for a token"),
        ("…", "a text that only stands for a token"),
        ("AIzaSyA0123456789abcdefghijklmnopqrstuv", "an API key of Google"),
        ("AMf-vBx0123456789abcdef", "a refresh token of Firebase"),
        ("ya29.a0AfH6SMBx", "an access token of Google's OAuth"),
        ("-----BEGIN CERTIFICATE-----\nMIIB", "a key or a certificate"),
        ("https://app.example/login?next=/", "a URL"),
        ("james@example.com", "an e-mail address"),
        ("0198a1f0-7c1e-7000-8000-0123456789ab", "a UUID"),
        ("Basic amFtZXM6cGFzc3dvcmQ=", "Basic authentication"),
        ("42", "a number"),
        ("<!DOCTYPE html><html>", "HTML"),
        (account, "the file of a service account"),
        (r#"{"keys":[]}"#, "a JSON Web Key"),
        (r#"{"error":"x"}"#, "the answer to an error"),
        (r#"{"sub":"u"}"#, "the decoded payload"),
        (r#"{"a":1}"#, "JSON without a token"),
        (r#"{"a":"#, "JSON that is not complete"),
        ("[\"a\",\"b\"]", "a list of several values"),
    ] {
        let jwt = Pasted::jwt(pasted).unwrap_err();
        assert!(jwt.contains(name) && jwt.contains("where a token is expected"), "{pasted}: {jwt}");
        let refresh = Pasted::refresh_token(pasted).unwrap_err();
        assert!(refresh.contains(name) && refresh.contains("where a refresh token is expected"), "{pasted}: {refresh}");
    }
    for empty in ["", " \n", "\"\"", "\u{200b}", "Bearer \"\""] {
        for refusal in [Pasted::jwt(empty).unwrap_err(), Pasted::refresh_token(empty).unwrap_err()] {
            assert!(
                refusal.starts_with("The token is empty. The variable") || refusal.contains("the text \"\""),
                "{refusal}"
            );
        }
    }
    for (pasted, words) in [
        (format!("{TOKEN} {OTHER}"), "two tokens or more"),
        (format!("{TOKEN},{OTHER}"), "two tokens or more"),
        (format!("{TOKEN}{OTHER}"), "two tokens or more"),
        (jwe.to_owned(), "an encrypted JWT"),
        (TOKEN.rsplit_once('.').unwrap().0.to_owned(), "without its signature"),
        (TOKEN[..60].to_owned(), "the beginning of a JWT"),
        (TOKEN[..20].to_owned(), "the beginning of a JWT"),
        (REFRESH.to_owned(), "a refresh token"),
        ("hello".to_owned(), "A JWT has three parts divided by dots; this text has 1."),
    ] {
        let refusal = Pasted::jwt(&pasted).unwrap_err();
        assert!(refusal.contains(words), "{pasted}: {refusal}");
        assert!(!refusal.contains(&pasted), "{refusal}");
    }
    for (pasted, words) in [
        (TOKEN, "a token of an unknown kind, where a refresh token is expected"),
        (OTHER, "a token signed with a shared secret, where a refresh token"),
        (&TOKEN[..60], "a JWT or a part of one"),
        (&REFRESH[1..], "has 43 characters; this text has 42."),
        ("q83vEjRWeJ rze8", "letters that no refresh token has"),
    ] {
        let refusal = Pasted::refresh_token(pasted).unwrap_err();
        assert!(refusal.contains(words), "{pasted}: {refusal}");
    }
}
