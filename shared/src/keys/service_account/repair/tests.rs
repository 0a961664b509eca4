//! Undoes every known change of a key file.

mod refusals;

use std::{sync::OnceLock, time::Duration};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD},
};
use serde_json::json;

use super::*;
use crate::{
    jose::jwt::Jwt,
    testing::{block_on, service_account},
    time::Timestamp,
    token::custom::CustomToken,
};

const EMAIL: &str = "latchkey@demo-latchkey.iam.gserviceaccount.com";

fn file() -> Value {
    serde_json::from_str(service_account()).unwrap()
}

fn pem() -> String {
    file()["private_key"].as_str().unwrap().to_owned()
}

/// The same key as PKCS#1.
fn pkcs1() -> &'static str {
    static KEY: OnceLock<String> = OnceLock::new();
    KEY.get_or_init(|| {
        let block = ::pem::parse(pem()).unwrap();
        // In PKCS#8 of an RSA key of 2048 bits, 26 bytes stand before the PKCS#1 key.
        let lines = ::pem::EncodeConfig::new().set_line_ending(::pem::LineEnding::LF);
        ::pem::encode_config(&::pem::Pem::new("RSA PRIVATE KEY", &block.contents()[26..]), lines)
    })
}

/// The file with this text as its private key.
fn with_key(key: &str) -> String {
    let mut file = file();
    file["private_key"] = json!(key);
    file.to_string()
}

fn in_lines(text: &str, length: usize) -> String {
    let lines: Vec<&str> = text.as_bytes().chunks(length).map(|line| str::from_utf8(line).unwrap()).collect();
    lines.join("\r\n")
}

/// `text` as a JSON string, with its quotes.
fn escaped(text: &str) -> String {
    json!(text).to_string()
}

/// The text without the quotes around it.
fn bare(text: &str) -> &str {
    &text[1..text.len() - 1]
}

#[track_caller]
fn is_read(account: Result<ServiceAccount, String>, repairs: &[&str]) {
    let account = account.unwrap();
    assert_eq!((account.email.as_str(), account.project_id.as_str()), (EMAIL, "demo-latchkey"));
    assert_eq!(account.repairs, repairs);
    let request = CustomToken { uid: "u", claims: None, tenant_id: None, life: Duration::from_secs(60) };
    let now = Timestamp::from_seconds(1_779_890_400);
    let token = Jwt::parse(&block_on(account.custom_token(&request, now)).unwrap()).unwrap();
    let original = ServiceAccount::parse(service_account()).unwrap();
    assert_eq!(block_on(original.inspect_custom_token(&token, now, Duration::ZERO)).unwrap(), None);
}

#[test]
fn the_file_as_google_gives_it_needs_no_repair() {
    is_read(ServiceAccount::parse(service_account()), &[]);
    is_read(ServiceAccount::parse(&file().to_string()), &[]);
    is_read(ServiceAccount::parse(&service_account().replace('\n', "\r\n")), &[]);
    is_read(ServiceAccount::parse(&with_key(pkcs1())), &[]);
}

#[test]
fn the_id_of_the_key_is_known_unless_it_could_be_something_else() {
    let known = |text: &str| ServiceAccount::parse(text).unwrap().key_id;
    assert_eq!(known(service_account()).as_deref(), Some("demo"));
    assert_eq!(known(&STANDARD.encode(service_account())).as_deref(), Some("demo"));
    for other in [json!(null), json!(1), json!(""), json!("a b"), json!(pem()), json!("a".repeat(41))] {
        let mut file = file();
        file["private_key_id"] = other;
        assert_eq!(known(&file.to_string()), None);
    }
    assert_eq!(ServiceAccount::parse_as(&pem(), Some(EMAIL), Some("demo-latchkey")).unwrap().key_id, None);
}

#[test]
fn a_mangled_file_is_read_and_its_repairs_are_noted() {
    let (pretty, line) = (service_account(), &file().to_string());
    let raw = line.replace("\\n", "\n");
    for (text, repairs) in [
        (format!("\u{feff}{pretty}"), &["a byte order mark"][..]),
        (format!("FIREBASE_SERVICE_ACCOUNT={line}"), &["the variable's name before it"]),
        (
            format!("export FIREBASE_SERVICE_ACCOUNT='{line}'\n"),
            &["the variable's name before it", "surrounding quotes"],
        ),
        (format!("SERVICE_ACCOUNT={}", STANDARD.encode(line)), &["the variable's name before it", "it was base64"]),
        (format!("'{line}'"), &["surrounding quotes"]),
        (format!("\"{line}\""), &["surrounding quotes"]),
        (format!("'\"{line}\"'"), &["surrounding quotes"]),
        (raw.clone(), &["misplaced line breaks in the JSON"]),
        (raw.replace('\n', "\r\n"), &["misplaced line breaks in the JSON", "Windows line endings in the private key"]),
        (pretty.replace('\n', "\\n"), &["misplaced line breaks in the JSON"]),
        (line.replace("\\n", "\\\n"), &["misplaced line breaks in the JSON"]),
        (escaped(line), &["surrounding quotes", "it was escaped once more"]),
        (bare(&escaped(line)).to_owned(), &["it was escaped once more"]),
        (escaped(pretty), &["surrounding quotes", "it was escaped once more"]),
        (escaped(&escaped(line)), &["surrounding quotes", "it was escaped once more"]),
        (
            bare(&escaped(line)).replace("\\\\n", "\n"),
            &["it was escaped once more", "misplaced line breaks in the JSON"],
        ),
        (STANDARD.encode(pretty), &["it was base64"]),
        (STANDARD_NO_PAD.encode(pretty), &["it was base64"]),
        (URL_SAFE.encode(pretty), &["it was base64"]),
        (URL_SAFE_NO_PAD.encode(line), &["it was base64"]),
        (in_lines(&STANDARD.encode(pretty), 76), &["it was base64"]),
        (STANDARD.encode(STANDARD.encode(pretty)), &["it was base64"]),
        (
            escaped(&in_lines(&STANDARD.encode(line), 76)),
            &["surrounding quotes", "it was escaped once more", "it was base64"],
        ),
        (
            format!("'{}'", STANDARD.encode(format!("\u{feff}{}", escaped(&raw)))),
            &[
                "surrounding quotes",
                "it was base64",
                "a byte order mark",
                "it was escaped once more",
                "misplaced line breaks in the JSON",
            ],
        ),
    ] {
        is_read(ServiceAccount::parse(&text), repairs);
    }
}

/// Changes that can happen to a key, in the file or alone, each with its repairs.
fn mangled_keys() -> Vec<(String, Vec<&'static str>)> {
    const ESCAPED: &str = "escaped newlines in the private key";
    const QUOTED: &str = "quotes around the private key";
    const LOST: &str = "newlines lost from the private key";
    const UNEVEN: &str = "uneven lines in the private key";
    const WINDOWS: &str = "Windows line endings in the private key";
    const BASE64: &str = "the private key was base64";
    let mut cases = Vec::new();
    for key in [&pem(), pkcs1()] {
        let line = key.replace('\n', "\\n");
        cases.extend([
            (key.trim_end().to_owned(), vec![]),
            (line.clone(), vec![ESCAPED]),
            (key.replace('\n', "\\\\n"), vec![ESCAPED]),
            (key.replace('\n', "\\\\\\\\n"), vec![ESCAPED]),
            (key.replace('\n', "\\r\\n"), vec![ESCAPED, WINDOWS]),
            (key.replace('/', "\\/"), vec![ESCAPED]),
            (key.replace('\n', "\\\n"), vec![ESCAPED]),
            (key.replace('=', "\\u003d").replace('\n', "\\u000a"), vec![ESCAPED]),
            (format!("\"{line}\""), vec![ESCAPED, QUOTED]),
            (format!("'\"{key}\"'"), vec![QUOTED]),
            (format!("\\\"{line}\\\""), vec![ESCAPED, QUOTED]),
            (key.replace('\n', "\r\n"), vec![WINDOWS]),
            (key.replace('\n', ""), vec![LOST]),
            (key.replace('\n', " "), vec![LOST]),
            (key.split_whitespace().collect(), vec![LOST]),
            (key.replace('\n', "n"), vec!["newlines without their backslash in the private key"]),
            (key.replace('\n', "\n    "), vec![UNEVEN]),
            (key.replace('\n', "\n\n"), vec![UNEVEN]),
            (in_lines(key, 48), vec![WINDOWS, UNEVEN]),
            (in_lines(&key.replace('\n', ""), 76), vec![WINDOWS, UNEVEN]),
            (format!("\u{feff}{key}"), vec!["a byte order mark"]),
            (format!("Bag Attributes\n{key}"), vec!["text around the private key"]),
            (
                format!("{}{key}", include_str!("../../../../tests/keys/certificate.pem")),
                vec!["text around the private key"],
            ),
            (STANDARD.encode(key), vec![BASE64]),
            (URL_SAFE_NO_PAD.encode(key), vec![BASE64]),
            (in_lines(&STANDARD.encode(key), 64), vec![BASE64]),
            (format!("'{}'", STANDARD.encode(format!("\"{line}\""))), vec![QUOTED, BASE64, ESCAPED]),
        ]);
    }
    cases
}

#[test]
fn a_mangled_key_in_the_file_is_read_and_its_repairs_are_noted() {
    for (key, repairs) in mangled_keys() {
        is_read(ServiceAccount::parse(&with_key(&key)), &repairs);
        let both = [&["it was base64"], repairs.as_slice()].concat();
        is_read(ServiceAccount::parse(&STANDARD.encode(with_key(&key))), &both);
    }
}

#[test]
fn a_key_alone_is_read_if_its_account_is_given() {
    for (key, _) in mangled_keys() {
        let account = ServiceAccount::parse_as(&key, Some(EMAIL), Some("demo-latchkey"));
        let repairs = account.as_ref().map(|account| account.repairs.clone()).unwrap_or_default();
        is_read(account, &repairs);
        assert_eq!(repairs.is_empty(), key == pem().trim_end() || key == pkcs1().trim_end());
        for (email, project) in [(None, None), (Some(EMAIL), None), (None, Some("p")), (Some(" "), Some("p"))] {
            assert_eq!(ServiceAccount::parse_as(&key, email, project).unwrap_err(), KEY_ALONE);
        }
    }
    let swapped = ServiceAccount::parse_as(&pem(), Some("demo-latchkey"), Some(EMAIL)).unwrap_err();
    assert!(swapped.contains("is not an e-mail address"), "{swapped}");
    is_read(ServiceAccount::parse_as(service_account(), Some("x@y"), Some("z")), &[]);
}

#[test]
fn no_text_causes_a_panic() {
    let seeds = [
        service_account().to_owned(),
        escaped(service_account()),
        STANDARD.encode(service_account()),
        with_key(&pem().replace('\n', "\\\\n")),
        format!("'{}'", pem().replace('\n', "\\u000a")),
    ];
    for seed in &seeds {
        for position in (0..seed.len()).step_by(13) {
            for noise in ["", "\\", "\"", "{", "é", "\\u", "\\uD800", "\0", "-----", "-----BEGIN", "-----END", "="] {
                let text = format!("{}{noise}{}", &seed[..position], &seed[(position + 3).min(seed.len())..]);
                let _ = ServiceAccount::parse_as(&text, Some(EMAIL), Some("p"));
            }
        }
    }
    for unit in ["\\", "\"", "{", "[", "=", "A", "'", "\\u00", "-----BEGIN ", "-----", "{\"a\":", "\u{feff}"] {
        let _ = ServiceAccount::parse(&unit.repeat(TEXT_BYTES_MAX / unit.len()));
    }
}
