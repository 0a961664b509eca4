//! Each mistake, with the words that tell it.

use super::*;

fn told(text: &[u8]) -> String {
    object(text).unwrap_err().to_string()
}

#[test]
fn a_mistake_is_told_with_its_line_its_column_and_what_was_expected() {
    for (text, expected) in [
        (r#"{"email": ,"a":1}"#, "column 11, a value is expected, and none is there"),
        (r#"{"email": }"#, "column 11, a value is expected, and none is there"),
        (r#"{"email":"a"b"}"#, "column 12, a quotation mark within a text ends the text too early"),
        (r#"{"email":"say "hi"","b":1}"#, "column 15, a quotation mark within a text ends the text too early"),
        (r#"{"password":"abc""}"#, "column 17, a quotation mark within a text ends the text too early"),
        (r#"{"password":""abc"}"#, "column 14, a quotation mark within a text ends the text too early"),
        (r#"{'email':'a'}"#, "column 2, a quotation mark (\") is expected, and a single quote stands there"),
        (r#"{"email":'a'}"#, "column 10, a quotation mark (\") is expected, and a single quote stands there"),
        (r#"{"email":`a`}"#, "column 10, a quotation mark (\") is expected, and a backtick stands there"),
        (r#"{"email": a@b.c}"#, "column 11, a value is expected, and a text stands there without quotation marks"),
        (r#"{"day": 2026-05-27}"#, "column 9, a value is expected, and a text stands there without quotation marks"),
        (r#"{email: "a"}"#, "column 2, a key in quotation marks is expected, and it has none"),
        (
            r#"{"email": <email>}"#,
            "column 11, a value is expected, and the name of a variable stands there that was not filled in",
        ),
        (
            r#"{"email": {{email}}}"#,
            "column 11, a value is expected, and the name of a variable stands there that was not filled in",
        ),
        (
            r#"{"email": [email]}"#,
            "column 11, a value is expected, and the name of a variable stands there that was not filled in",
        ),
        (
            r#"{"email": ${email}}"#,
            "column 11, a value is expected, and the name of a variable stands there that was not filled in",
        ),
        (r#"{"email": "a",}"#, "column 14, a comma stands behind the last entry"),
        (r#"{"email": ["a",]}"#, "column 15, a comma stands behind the last entry"),
        (r#"{"email": "a",,"b":1}"#, "column 15, a comma stands where an entry is expected"),
        (r#"{,"b":1}"#, "column 2, a comma stands where an entry is expected"),
        (r#"{"email": "a" "b":1}"#, "column 15, a comma is expected between two entries, and none is there"),
        (r#"{"a": 1 "b":1}"#, "column 9, a comma is expected between two entries, and none is there"),
        (r#"{"a": {} "b":1}"#, "column 10, a comma is expected between two entries, and none is there"),
        (r#"{"a": 1; "b":1}"#, "column 8, a comma is expected, and a semicolon stands there"),
        (r#"{"a" "b"}"#, "column 6, a colon is expected behind the key, and none is there"),
        (r#"{"a"="b"}"#, "column 5, a colon is expected behind the key, and an equals sign stands there"),
        ("{ // the address\n}", "column 3, a comment stands there, and JSON has none"),
        (r#"{"a": /* x */ 1}"#, "column 7, a comment stands there, and JSON has none"),
        (
            r#"{"a": [object Object]}"#,
            "column 7, [object Object] stands in the place of a value, which JavaScript writes for an object",
        ),
        (
            r#"{"a": undefined}"#,
            "column 7, the word undefined stands in the place of a value, and JSON does not have it",
        ),
        (r#"{"a": NaN}"#, "column 7, the word NaN stands in the place of a value, and JSON does not have it"),
        (
            r#"{"a": -Infinity}"#,
            "column 7, the word -Infinity stands in the place of a value, and JSON does not have it",
        ),
        (r#"{"a": None}"#, "column 7, the word None stands in the place of a value, and JSON does not have it"),
        (r#"{"a": True}"#, "column 7, the word True stands in the place of a value, and JSON does not have it"),
        (r#"{“a”: 1}"#, "column 2, a plain quotation mark (\") is expected, and a typographic one stands there"),
        (r#"{"a": „b“}"#, "column 7, a plain quotation mark (\") is expected, and a typographic one stands there"),
        ("{\"a\": \"x\ny\"}", "column 9, a line break stands within a text"),
        ("{\"a\": \"x\ty\"}", "column 9, a tab stands within a text"),
        ("{\"a\": \"x\u{1b}y\"}", "column 9, a control character stands within a text"),
        (r#"{"a": "C:\Users"}"#, "column 10, a backslash begins an escape that JSON does not have"),
        (r#"{"a": "it\'s"}"#, "column 10, a backslash begins an escape that JSON does not have"),
        (r#"{"a": "\u12g4"}"#, "column 8, a backslash begins an escape that JSON does not have"),
        (r#"{"a": "\ud83d"}"#, "column 8, half a character stands alone (a surrogate, \\ud800 to \\udfff)"),
        (r#"{"a": "\udd11\ud83d"}"#, "column 8, half a character stands alone (a surrogate, \\ud800 to \\udfff)"),
        (r#"{\"a\": 1}"#, "column 2, a quotation mark (\") is expected, and a backslash stands there"),
        (r#"{"a": 007}"#, "column 7, a number begins with a zero"),
        (r#"{"a": +1}"#, "column 7, a number is written in a way that JSON does not have"),
        (r#"{"a": .5}"#, "column 7, a number is written in a way that JSON does not have"),
        (r#"{"a": [1}"#, "column 9, a closing square bracket is expected, and a brace stands there"),
        (r#"{"a": 1]"#, "column 8, a closing brace is expected, and a square bracket stands there"),
        (r#"{"a": 1}}"#, "column 9, a bracket is closed that is not open"),
        (r#"{"a": 1} {"a": 1}"#, "column 10, a second JSON value begins"),
        (r#"{"a": 1} thanks"#, "column 10, the end is expected, and more text stands there"),
        (r#""email": "a""#, "column 1, an opening brace is expected before the first key, and none is there"),
        (r#""{"email": "a"}""#, "column 1, a quotation mark stands before the first bracket"),
        (r#"{"a": "x"#, "column 9, the end comes within a text in quotation marks"),
        (r#"{"a": "x\"#, "column 9, the end comes within a text in quotation marks"),
        (r#"{"a": "x""#, "column 10, the end comes where a closing brace is expected"),
        (r#"{"a": ["#, "column 8, the end comes where a value is expected"),
        (r#"{"a": [1"#, "column 9, the end comes where a closing square bracket is expected"),
        (r#"{"a":"#, "column 6, the end comes where a value is expected"),
        (r#"{"a": tr"#, "column 7, the end comes where a value is expected"),
        ("{", "column 2, the end comes where a closing brace is expected"),
        ("{\u{a0}\"a\": 1}", "column 2, an invisible character (U+00A0) stands between the values"),
        ("{\"a\":\u{200b} 1}", "column 6, an invisible character (U+200B) stands between the values"),
    ] {
        assert_eq!(told(text.as_bytes()), format!("is not valid JSON: in line 1, {expected}"), "{text}");
    }
}

#[test]
fn a_text_that_is_something_else_as_a_whole_is_named() {
    let utf16: Vec<u8> = "{\"a\":1}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let cases: [(&[u8], &str); 37] = [
        (b" \n", "holds nothing but white space"),
        (b"[]", "is not a JSON object but a list"),
        (b"[{\"a\":1}]", "is not a JSON object but a list with one in it"),
        (b"7", "is not a JSON object but a number"),
        (b"null", "is not a JSON object but null"),
        (b"true", "is not a JSON object but a truth value"),
        (b"\"x\"", "is not a JSON object but a text"),
        (br#""{\"email\":\"a\"}""#, "is not a JSON object but a text that holds JSON"),
        (b"[object Object]", "is [object Object], which JavaScript writes for an object that was not turned into JSON"),
        (
            b"\"[object Object]\"",
            "is [object Object], which JavaScript writes for an object that was not turned into JSON",
        ),
        (b"{{body}}", "is the name of a variable that was not filled in"),
        (b"<body>", "is the name of a variable that was not filled in"),
        (b"email=a&password=b", "is form text, and a JSON object is expected"),
        (b"email=a%40b.c", "is form text, and a JSON object is expected"),
        (b"<!DOCTYPE html><p>", "is HTML, and a JSON object is expected"),
        (b"<html></html>", "is HTML, and a JSON object is expected"),
        (b"<?xml version=\"1.0\"?><a/>", "is XML, and a JSON object is expected"),
        (
            b"--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1",
            "is a multipart form, and a JSON object is expected",
        ),
        (b"%7B%22a%22%3A1%7D", "is encoded for a URL, and plain JSON is expected"),
        (b"'{\"a\":1}'", "stands in single quotes, and JSON has none around it"),
        (b"b'{\"a\":1}'", "is written as bytes of Python"),
        (b"eyJhIjoxfQ==", "is in base64, and plain JSON is expected"),
        (b"eyJhIjoxfQ.eyJhIjoxfQ.c2ln", "is a token, and a JSON object is expected"),
        (b"\x1f\x8b\x08\0", "is compressed with gzip"),
        (b"\x78\x9c\xab\x56", "is compressed with deflate"),
        (b"\x78\x01\x01\x02", "is compressed with deflate"),
        (b"\x28\xb5\x2f\xfd\x04", "is compressed with zstd"),
        (b"PK\x03\x04", "is a ZIP file"),
        (b"\x89PNG\r\n", "is a picture"),
        (&utf16, "is in UTF-16, and UTF-8 is expected"),
        (b"\xff\xfe{\0", "is in UTF-16, and UTF-8 is expected"),
        (b"\xfe\xff\0{", "is in UTF-16, and UTF-8 is expected"),
        (b"\0{\0\"", "is in UTF-16, and UTF-8 is expected"),
        (b"{\0\0\0", "is in UTF-32, and UTF-8 is expected"),
        (b"{\"a\":\n\"\xe9\"}", "is not valid UTF-8, in line 2, column 2"),
        (br#"{"a":1,"a":1}"#, "gives a key twice: again, in line 1, column 8"),
        (br#"{"a":"\u0000"}"#, "has a NUL character in a text, in line 1, column 7"),
    ];
    for (text, expected) in cases {
        assert_eq!(told(text), expected, "{}", String::from_utf8_lossy(text));
    }
    let deep = format!("{{\"a\":\n{}{}}}", "[".repeat(32), "]".repeat(32));
    assert_eq!(told(deep.as_bytes()), "is nested deeper than 32 levels, in line 2, column 32");
}

#[test]
fn lines_are_counted_and_columns_are_characters() {
    assert_eq!(
        told("{\r\n  \"näme\": \"🦀\",\r\n  \"b\": ,\r\n}".as_bytes()),
        "is not valid JSON: in line 3, column 8, a value is expected, and none is there"
    );
    assert!(told("{\"näme🦀\": x}".as_bytes()).starts_with("is not valid JSON: in line 1, column 11,"));
}

/// Whatever is wrong is placed or named, and nothing of the text is told.
#[test]
fn every_refused_text_has_a_diagnosis_that_repeats_nothing_of_it() {
    let mut rng = fastrand::Rng::with_seed(15);
    let whole =
        r#"{"qzemail": "qzjames@qz.example", "qzn": [1, -2.5e3, true, null], "qzo": {"qz\u00e9": "qz\n\ud83d\udd11"}}"#;
    let special: Vec<char> = "{}[]\":,'\\/u0dD8c=&%+;\0\n\t#<>$`“\u{200b}\u{a0}\u{feff} -.eE1x".chars().collect();
    let mut refused = 0;
    for _ in 0..30_000 {
        let mut text: Vec<char> = whole.chars().collect();
        for _ in 0..rng.usize(1..4) {
            let at = rng.usize(..=text.len());
            match rng.u8(..4) {
                0 => text.insert(at, special[rng.usize(..special.len())]),
                1 => text.truncate(at),
                2 if at < text.len() => drop(text.remove(at)),
                _ => text.extend_from_within(at..),
            }
        }
        let text: String = text.into_iter().collect();
        let parsed = super::super::object(text.as_bytes());
        let diagnosed = object(text.as_bytes());
        assert_eq!(parsed.is_ok(), diagnosed.is_ok(), "{text}");
        let Err(diagnosis) = diagnosed else { continue };
        refused += 1;
        assert_ne!(diagnosis.to_string(), "is not valid JSON", "{text}");
        assert!(!diagnosis.to_string().contains("qz"), "{text}: {diagnosis}");
    }
    assert!(refused > 20_000, "{refused}");
}
