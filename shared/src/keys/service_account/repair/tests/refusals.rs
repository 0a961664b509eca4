//! Refuses every known mistake by its name.

use super::*;

/// Checks that `text` is refused with a sentence that has these words and quotes nothing of the
/// input.
#[track_caller]
fn is_refused(text: &str, words: &str) {
    for account in [ServiceAccount::parse(text), ServiceAccount::parse_as(text, Some(EMAIL), Some("p"))] {
        let sentence = account.unwrap_err();
        assert!(sentence.contains(words) && sentence.ends_with('.') && sentence.lines().count() == 1, "{sentence}");
        assert!(sentence.starts_with("The service account ") || sentence.starts_with("The private key "), "{sentence}");
        assert!(
            !sentence.contains("hunter2") && !sentence.contains("AIzaSy") && !sentence.contains("MII"),
            "{sentence}"
        );
    }
}

#[test]
fn another_file_is_refused_by_its_name() {
    let web = json!({"apiKey": "AIzaSyhunter2", "authDomain": "x", "projectId": "p", "appId": "1:2:web:3"});
    let snippet = "const firebaseConfig = {\n  apiKey: \"AIzaSyhunter2\",\n  projectId: \"p\"\n};";
    let plist =
        "<?xml version=\"1.0\"?>\n<plist version=\"1.0\"><dict><key>API_KEY</key><string>hunter2</string></dict>";
    for (text, words) in [
        (json!({"project_info": {"project_id": "hunter2"}, "client": []}).to_string(), "is a google-services.json"),
        (plist.to_owned(), "is a GoogleService-Info.plist"),
        (web.to_string(), "is the configuration of a web app"),
        (snippet.to_owned(), "is the configuration of a web app"),
        (snippet.replace("const firebaseConfig = ", "").replace(';', ""), "is the configuration of a web app"),
        (json!({"installed": {"client_secret": "hunter2"}}).to_string(), "is an OAuth client file"),
        (json!({"web": {"client_secret": "hunter2"}}).to_string(), "is an OAuth client file"),
        (json!({"type": "authorized_user", "refresh_token": "hunter2"}).to_string(), "`type` is `authorized_user`"),
        (json!({"type": "external_account", "audience": "x"}).to_string(), "`type` is `external_account`"),
        (json!({"type": "hunter2"}).to_string(), "its `type` is not `service_account`"),
        (json!({"type": 1}).to_string(), "its `type` is not `service_account`"),
        ("{}".to_owned(), "its `type` is not `service_account`"),
        ("AIzaSyhunter2hunter2hunter2hunter2hunte".to_owned(), "is an API key"),
        ("0123456789abcdef0123456789abcdef01234567".to_owned(), "is the id of a private key"),
        ("ssh-rsa AAAAhunter2 me@here".to_owned(), "is a public SSH key"),
        (" \n".to_owned(), "is empty"),
        ("\"\"".to_owned(), "is empty"),
        ("hunter2".to_owned(), "is not the JSON file"),
        ("{hunter2}".to_owned(), "is not valid JSON"),
        ("[1]".to_owned(), "is not the JSON file"),
        (file().to_string().replacen('{', "{\"type\":\"hunter2\",", 1), "gives a key twice"),
        ("x".repeat(64 * 1024 + 1), "is longer than 64 KiB"),
    ] {
        is_refused(&text, words);
        if text.len() > 75 && text.len() < 32 * 1024 {
            is_refused(&STANDARD.encode(&text), words);
        }
    }
}

#[test]
fn a_missing_member_is_refused_by_its_name() {
    let with = |changes: Value| {
        let mut file = file();
        for (name, value) in changes.as_object().unwrap() {
            file[name] = value.clone();
        }
        file.to_string()
    };
    is_refused(&with(json!({"client_email": ""})), "has no `client_email`. ");
    is_refused(&with(json!({"project_id": null})), "has no `project_id`. ");
    is_refused(&with(json!({"private_key": 1})), "has no `private_key`. ");
    is_refused(
        &json!({"type": "service_account"}).to_string(),
        "has no `client_email` and no `project_id` and no `private_key`.",
    );
    is_refused(&with(json!({"client_email": "demo-latchkey"})), "is not an e-mail address");
}

#[test]
fn another_key_is_refused_by_its_name() {
    for (key, words) in [
        (include_str!("../../../../../tests/keys/public.pem"), "is a public key"),
        (include_str!("../../../../../tests/keys/certificate.pem"), "is a certificate"),
        (include_str!("../../../../../tests/keys/encrypted.pem"), "is encrypted"),
        (include_str!("../../../../../tests/keys/encrypted-pkcs1.pem"), "is encrypted"),
        (include_str!("../../../../../tests/keys/ec.pem"), "is an elliptic-curve key"),
        (include_str!("../../../../../tests/keys/ec-pkcs8.pem"), "is an elliptic-curve key"),
        (include_str!("../../../../../tests/keys/ed25519.pem"), "is an Ed25519 key"),
        (include_str!("../../../../../tests/keys/openssh.pem"), "is an OpenSSH key"),
        (include_str!("../../../../../tests/keys/rsa-1024.pem"), "has 1024 bits"),
        (include_str!("../../../../../tests/keys/rsa-1024-pkcs1.pem"), "has 1024 bits"),
    ] {
        for key in [key.to_owned(), key.replace('\n', "\\n"), key.replace('\n', ""), STANDARD.encode(key)] {
            is_refused(&key, words);
            is_refused(&with_key(&key), words);
        }
    }
    is_refused(&with_key("AIzaSyhunter2hunter2hunter2hunter2hunte"), "is an API key");
    is_refused(&with_key("0123456789abcdef0123456789abcdef01234567"), "is the id of a private key");
    is_refused(&with_key("hunter2"), "is not PEM text");
}

#[test]
fn a_text_that_was_cut_or_damaged_is_refused_as_such() {
    let (file, key) = (service_account(), pem());
    for end in [30, file.len() / 2, file.len() - 3] {
        is_refused(&file[..end], "ends in the middle");
        is_refused(&bare(&escaped(file))[..end], "ends in the middle");
        is_refused(&STANDARD.encode(&file[..end.max(90)]), "ends in the middle");
    }
    let encoded = STANDARD.encode(file);
    for end in [1000, 1001, 1002, 1003] {
        is_refused(&encoded[..end], "ends in the middle");
    }
    is_refused(&format!("{}!{}", &encoded[..500], &encoded[501..]), "looks like base64");
    is_refused(&STANDARD.encode([0xfe; 300]), "looks like base64");
    is_refused(&key.lines().skip(1).take(24).collect::<String>(), "has lost the lines BEGIN PRIVATE KEY");
    is_refused(&key[28..], "has no BEGIN line");
    for (key, words) in [
        (key[..20].to_owned(), "has no END line"),
        (key[..900].to_owned(), "has no END line"),
        (key.replace("-----END PRIVATE KEY-----", ""), "has no END line"),
        (key.replacen("MII", "M?I", 1), "is damaged"),
        (key.replacen("MII", "MIIMII", 1), "is damaged"),
        (format!("{}{}", &key[..200], &key[330..]), "is damaged, or its end is missing"),
        ("-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----".to_owned(), "is damaged"),
    ] {
        is_refused(&key, words);
        is_refused(&with_key(&key), words);
    }
}
