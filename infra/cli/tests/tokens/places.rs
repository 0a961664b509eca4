//! Everything that people paste in a token's place, at every place that accepts a token. A new kind
//! of paste is one row.

use std::process::{Command, Stdio};

use axum::http::Method;
use serde_json::{Value, json};
use shared::testing::{Answer, Google, ISSUER, Reply, Service, certificate, service_account, signing_keys};
use tempfile::TempDir;

/// The answer to a paste, the same at each place for the same kind of token.
enum Answers {
    /// The token is accepted: what stood around it was taken off.
    Good,
    /// The token is refused, with these words for the builder.
    Says(&'static str),
    /// The token is a placeholder. A field of the body has a code for that.
    Unfilled,
}

use Answers::{Good, Says, Unfilled};

/// A paste, the answer where a JWT is expected, and the answer where a refresh token is.
///
/// `{A}` stands for an access token, `{R}` for a refresh token, `{J}` for a custom token and `{S}`
/// for the whole session object. `{T}` is the token that the place expects.
struct Row(&'static str, Answers, Answers);

const PLACEHOLDER: &str = "This is a placeholder that nothing has filled";
const STANDS_FOR_ONE: &str = "a text that only stands for a token";
const EMPTY: &str = "The variable that should hold the token was empty";

fn rows() -> Vec<Row> {
    let mut rows: Vec<Row> = [
        "{T}",
        "Bearer {T}",
        "Bearer Bearer {T}",
        "bearer {T}",
        "\"{T}\"",
        "'{T}'",
        "`{T}`",
        "“{T}”",
        "‘{T}’",
        "«{T}»",
        "b'{T}'",
        "b\"{T}\"",
        "Optional(\"{T}\")",
        "token: {T}",
        "access_token={T}&refresh_token={T}",
        "{T},",
        "{T};",
        "\u{feff}{T}",
        "\u{200b}{T}\u{200b}",
        "\u{a0}{T}",
        "Bearer%20{T}",
        "%22{T}%22",
        "<{T}>",
        "{{{T}}}",
        "({T})",
        "{S}",
        "{\"session\":{S}}",
        "{T} {T}",
        "{T}, {T}",
        "Authorization: Bearer {T}",
    ]
    .map(|pasted| Row(pasted, Good, Good))
    .into();
    rows.extend([
        Row("[\"{T}\"]", Says("a list: take its entry"), Says("a list: take its entry")),
        Row("{T}{T}", Says("two tokens"), Says("43 characters; this text has 86")),
        Row("null", Says("the text null"), Says("the text null")),
        Row("undefined", Says("the text undefined"), Says(EMPTY)),
        Row("None", Says("the text none"), Says(EMPTY)),
        Row("nil", Says("the text nil"), Says(EMPTY)),
        Row("NaN", Says("the text nan"), Says(EMPTY)),
        Row("true", Says("the text true"), Says(EMPTY)),
        Row("\"null\"", Says("the text null"), Says("the text null")),
        Row("Bearer undefined", Says("the text undefined"), Says("the text undefined")),
        Row("[object Object]", Says("[object Object]"), Says("[object Object]")),
        Row("[object Promise]", Says("the text of an object"), Says("the text of an object")),
        Row("Bearer", Says("the word Bearer alone"), Says("the word Bearer alone")),
        Row("AIzaSyA0123456789abcdefghijklmnopqrstuv", Says("an API key of Google"), Says("an API key of Google")),
        Row("AMf-vBx0123456789abcdefghij", Says("a refresh token of Firebase"), Says("a refresh token of Firebase")),
        Row("-----BEGIN PRIVATE KEY-----", Says("a key or a certificate"), Says("a key or a certificate")),
        Row("https://app.example/login", Says("a URL"), Says("a URL")),
        Row("james@example.com", Says("an e-mail address"), Says("an e-mail address")),
        Row("0198a1f0-7c1e-7000-8000-0123456789ab", Says("a UUID"), Says("a UUID")),
        Row("Basic amFtZXM6cGFzc3dvcmQ=", Says("Basic authentication"), Says("Basic authentication")),
        Row(
            "{\"type\":\"service_account\"}",
            Says("the file of a service account"),
            Says("the file of a service account"),
        ),
        Row("{\"error\":\"x\"}", Says("the answer to an error"), Says("the answer to an error")),
        Row("eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ.a.b.c.d", Says("an encrypted JWT"), Says("a JWT")),
        Row(
            "eyJhbGciOiJSUzI1NiJ9%2EeyJzdWIiOiJ1In0%2Ec2ln",
            Says("a percent-encoded token"),
            Says("where a refresh token is expected"),
        ),
        Row("{A} {J}", Says("two tokens or more"), Says("where a refresh token is expected")),
        Row("{A},{J}", Says("two tokens or more"), Says("where a refresh token is expected")),
        Row("{R}", Says("a refresh token"), Good),
        Row("\"{R}\"", Says("a refresh token"), Good),
        Row("{A}", Good, Says("an access token of this service, where a refresh token is expected")),
        Row("{J}", Says("a Firebase custom token"), Says("a Firebase custom token, where a refresh token is expected")),
        Row("42", Says("a number"), Says("a number")),
        Row("hello", Says("three parts divided by dots"), Says("43 characters; this text has 5")),
    ]);
    let unfilled = [
        "<token>",
        "{{token}}",
        "{{ user.token }}",
        "{token}",
        "{{{token}}}",
        "[token]",
        "[[token]]",
        "<<token>>",
        "<%= token %>",
        "$token$",
        "%token%",
        "#{token}",
        "$token",
        "${TOKEN}",
        "<Current User's token>",
        "\"<token>\"",
        "Bearer <token>",
        "Bearer {{token}}",
        " <token> ",
        "__token__",
        ":token",
    ];
    rows.extend(unfilled.map(|pasted| Row(pasted, Unfilled, Unfilled)));
    // Words without marks may be anything, so they have the status of a wrong token.
    let words = ["YOUR_TOKEN", "token", "no token", "not-a-token", "paste your token here", "…", "***", "xxxxx"];
    rows.extend(words.map(|pasted| Row(pasted, Says(STANDS_FOR_ONE), Says(STANDS_FOR_ONE))));
    rows
}

impl Row {
    fn pasted(&self, session: &Value, token: &str) -> String {
        let text = |name: &str| session[name].as_str().unwrap();
        let whole = self.0.replace("{S}", &session.to_string());
        let filled = whole.replace("{T}", text(token)).replace("{A}", text("access_token"));
        filled.replace("{R}", text("refresh_token")).replace("{J}", text("jwt_token"))
    }
}

#[track_caller]
fn assert_answers(place: &str, row: &Row, expected: &Answers, refusal: (u16, &str), answer: &Answer) {
    let (status, code) = refusal;
    let got = answer.status.as_u16();
    match expected {
        Good => assert_eq!(got, 200, "{place}, {:?}: {}", row.0, answer.body),
        Unfilled if place.ends_with("header") => {
            let says = Says(PLACEHOLDER);
            assert_answers(place, row, &says, refusal, answer);
        }
        Unfilled => {
            let field = match place {
                "/refresh" | "/logout" => "refresh_token",
                "/exchange" => "id_token",
                _ => "token",
            };
            assert_eq!((got, &answer.body["code"]), (400, &json!("placeholder_not_filled")), "{place}, {:?}", row.0);
            assert_eq!(answer.fields(), [(field, "placeholder_not_filled")], "{place}, {:?}", row.0);
            let message = answer.body["message"].as_str().unwrap();
            assert!(message.ends_with("token was not filled in by the app."), "{place}: {message}");
            let detail = answer.body["detail"].as_str().unwrap();
            for words in [PLACEHOLDER, "In FlutterFlow", "In Bubble"] {
                assert!(detail.contains(words), "{place}, {:?}: {detail}", row.0);
            }
        }
        Says(words) => {
            assert_eq!(
                (got, answer.body["code"].as_str()),
                (status, Some(code)),
                "{place}, {:?}: {}",
                row.0,
                answer.body
            );
            let detail = answer.body["detail"].as_str().unwrap();
            assert!(detail.contains(words), "{place}, {:?}: {words:?} is not in {detail:?}", row.0);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_endpoint_says_the_same_of_everything_that_stands_in_a_tokens_place() {
    let service = Service::new(latchkey::router()).await;
    let user = service.account("a@b.de").await;
    let mut cells = 0;
    for row in &rows() {
        let session = service.session(&user).await;
        let pasted = row.pasted(&session, "access_token");
        let form = format!("token={}", pasted.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>());
        let body = json!({"token": pasted});
        let in_header =
            |method, path| service.request(method, path).header("authorization", format!("Bearer {pasted}"));
        let argument = (401, "auth/argument-error");
        // A custom token is decoded, with the reason why /verify refuses it.
        let is_custom = row.0 == "{J}";
        for (place, refusal, answer) in [
            ("/verify", argument, service.post("/verify", body.clone()).await),
            ("/verify as a form", argument, service.request(Method::POST, "/verify").form(&form).await),
            ("/verify by header", argument, in_header(Method::POST, "/verify").send().await),
            ("GET /verify by header", argument, in_header(Method::GET, "/verify").send().await),
            ("/me by header", argument, in_header(Method::GET, "/me").send().await),
            ("/me/sessions by header", argument, in_header(Method::GET, "/me/sessions").send().await),
            ("/jwt/decode", (400, "token_malformed"), service.post("/jwt/decode", body).await),
            ("/logout by header", (400, "invalid_request"), in_header(Method::POST, "/logout").json(json!({})).await),
        ] {
            cells += 1;
            if is_custom && place == "/jwt/decode" {
                assert_eq!(answer.is(200).body["problems"][0]["code"], "wrong_kind");
            } else {
                assert_answers(place, row, &row.1, refusal, &answer);
            }
        }
        for (place, refusal) in [("/refresh", (401, "refresh_token_invalid")), ("/logout", (400, "invalid_request"))] {
            cells += 1;
            let session = service.session(&user).await;
            let pasted = row.pasted(&session, "refresh_token");
            let answer = service.post(place, json!({"refresh_token": pasted})).await;
            assert_answers(place, row, &row.2, refusal, &answer);
        }
    }
    println!("{cells} cells of kind and place");
}

/// The answer where an ID token of another provider is expected.
fn id_token_answers(row: &Row) -> Answers {
    match (row.0, &row.1) {
        ("{A}", _) => Says("This is an access token of this service, where an ID token of acme is expected."),
        ("{J}", _) => Says("This is a Firebase custom token, where an ID token of acme is expected."),
        (_, Good) => Good,
        (_, Says(words)) => Says(words),
        (_, Unfilled) => Unfilled,
    }
}

#[tokio::test(start_paused = true)]
async fn the_id_token_of_a_provider_is_read_as_every_other_token() {
    const KID: &str = "acme-1";
    let provider = Google::start(Reply::jwk_set(&[(0, KID)])).await;
    let providers = json!([{"id": "acme", "issuer": "https://a.example", "client_ids": ["app"], "jwks": provider.url(),
        "nonce": "optional"}])
    .to_string();
    let variables =
        [("IDENTITY_PROVIDERS", &*providers), ("RATE_LIMITS", "off"), ("FIREBASE_SERVICE_ACCOUNT", service_account())];
    let service = Service::configured(latchkey::router(), &variables).await;
    let user = service.account("a@b.de").await;
    let mut rows = rows();
    // The answers of the providers' libraries, whole. Beside the ID token there are others.
    rows.extend(
        [
            r#"{"access_token": "ya29.a0AfB", "expires_in": 3599, "id_token": "{T}", "token_type": "Bearer"}"#,
            r#"{"access_token": "{A}", "id_token": "{T}"}"#,
            r#"{"idToken": "{T}", "accessToken": "{A}", "serverAuthCode": null}"#,
            r#"{"user": "001.a.1", "identityToken": "{T}", "authorizationCode": "c"}"#,
            r#"{"authorization": {"code": "c", "id_token": "{T}", "state": ""}}"#,
            r#"{"clientId": "app", "credential": "{T}", "select_by": "btn"}"#,
            "https://app.example/#access_token={A}&id_token={T}&token_type=bearer",
        ]
        .map(|pasted| Row(pasted, Good, Good)),
    );
    rows.push(Row("ya29.a0AfB", Says("an access token of Google's OAuth, and no ID token"), Good));
    for (number, row) in rows.iter().enumerate() {
        let now = service.now().seconds();
        let claims = json!({"iss": "https://a.example", "aud": "app", "sub": "person", "iat": now, "exp": now + 600,
            "jti": number});
        let mut session = service.session(&user).await;
        session["id_token"] = certificate(0).id_token(KID, &claims);
        let body = json!({"provider": "acme", "id_token": row.pasted(&session, "id_token")});
        let answer = service.post("/exchange", body).await;
        assert_answers("/exchange", row, &id_token_answers(row), (401, "id_token_invalid"), &answer);
        let detail = answer.body["detail"].as_str().unwrap_or_default();
        assert!(!detail.contains("access_token` of the"), "{}: {detail}", row.0);
    }
}

/// The token of an admin comes from `/admin/token`, and a refusal names no other place.
#[tokio::test(start_paused = true)]
async fn the_token_of_an_admin_is_read_as_every_other_token() {
    const KEY: &str = "an admin's key of 32 characters or more";
    let variables = [
        ("ADMIN_KEY", "anna:an admin's key of 32 characters or more"),
        ("FIREBASE_SERVICE_ACCOUNT", service_account()),
    ];
    let service = Service::configured(latchkey::router(), &variables).await;
    let user = service.account("a@b.de").await;
    let made = service.request(Method::POST, "/admin/token").header("x-admin-key", KEY).send().await.is(200);
    for row in &rows() {
        let mut session = service.session(&user).await;
        session["admin_token"] = made.body["admin_token"].clone();
        let pasted = row.pasted(&session, "admin_token");
        let path = format!("/admin/users/{}", user.id);
        let header = format!("Bearer {pasted}");
        let answer = service.request(Method::GET, &path).header("authorization", header).send().await;
        let expected = match (row.0, &row.1) {
            ("{A}", _) => Says("This is an access token of this service"),
            (_, Good) => Good,
            (_, Says(words)) => Says(words),
            (_, Unfilled) => Unfilled,
        };
        assert_answers("admin header", row, &expected, (401, "token_invalid"), &answer);
        let detail = answer.body["detail"].as_str().unwrap_or_default();
        assert!(!detail.contains("session object"), "{}: {detail}", row.0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_value_that_is_no_text_is_read_as_its_json() {
    let service = Service::new(latchkey::router()).await;
    let user = service.account("a@b.de").await;
    let session = service.session(&user).await;
    service.post("/verify", json!({"token": session})).await.is(200);
    service.post("/jwt/decode", json!({"token": session})).await.is(200);
    let session = service.post("/refresh", json!({"refresh_token": session})).await.is(200).body;
    service.post("/logout", json!({"refresh_token": session})).await.is(200);
    for (path, field, status) in [
        ("/verify", "token", 401),
        ("/jwt/decode", "token", 400),
        ("/refresh", "refresh_token", 401),
        ("/logout", "refresh_token", 400),
    ] {
        let answer = service.post(path, json!({field: {"a": 1}})).await;
        let detail = answer.body["detail"].as_str().unwrap_or_default();
        assert!(answer.status == status && detail.contains("JSON without a token"), "{path}: {}", answer.body);
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_at_all_is_missing_everywhere() {
    let service = Service::new(latchkey::router()).await;
    for body in [json!({}), json!({"refresh_token": null}), json!({"refresh_token": ""}), json!({"refresh_token": " "})]
    {
        for path in ["/refresh", "/logout"] {
            let answer = service.post(path, body.clone()).await.refused(400, "invalid_request");
            assert_eq!(answer.fields(), [("refresh_token", "required")]);
        }
    }
    service.post("/verify", json!({})).await.refused(400, "token_missing");
    service.get("/me").await.refused(401, "token_missing");
}

/// Runs `latchkey token COMMAND` with the token as an argument or on standard input. Returns the
/// exit code, standard output and standard error.
fn run(folder: &TempDir, command: &str, argument: Option<&str>, input: &str) -> (i32, String, String) {
    let mut process = Command::new(env!("CARGO_BIN_EXE_latchkey"));
    process.args(["token", command]).args(argument).env_clear().env("DATA_DIR", folder.path()).env("ISSUER", ISSUER);
    process.env("FIREBASE_SERVICE_ACCOUNT", service_account());
    process.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = process.spawn().unwrap();
    let written = std::io::Write::write_all(&mut process.stdin.take().unwrap(), input.as_bytes());
    assert!(written.is_ok() || argument.is_some());
    let output = process.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[tokio::test]
async fn the_tool_says_the_same_as_the_endpoints() {
    let service = Service::new(latchkey::router()).await;
    let session = service.session(&service.account("a@b.de").await).await;
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("signing-keys.json"), signing_keys()).unwrap();
    for row in rows().iter().filter(|row| row.0 != "{J}") {
        let pasted = row.pasted(&session, "access_token");
        for (command, argument, input) in [("inspect", Some(&*pasted), ""), ("decode", None, &pasted)] {
            let (code, out, errors) = run(&folder, command, argument, input);
            match row.1 {
                Good => assert_eq!((code, errors.as_str()), (0, ""), "{command} {:?}: {out}", row.0),
                Says(words) => assert!(code == 1 && errors.contains(words), "{command} {:?}: {code} {errors}", row.0),
                Unfilled => assert!(code == 1 && errors.contains(PLACEHOLDER), "{command} {:?}: {errors}", row.0),
            }
        }
    }
}
