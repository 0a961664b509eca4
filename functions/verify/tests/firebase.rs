//! `/verify` from the outside, for Firebase ID tokens.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::time::Duration;

use axum::http::Method;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use shared::{
    clock::Timestamp,
    keys::KeyRing,
    kind::CUSTOM_TOKEN_AUDIENCE,
    testing::{
        Answer, Delivery, Google, PROJECT, Reply, Service, certificate, id_token_claims, id_token_header,
        service_account, signing_keys, unsigned,
    },
    user::User,
};

/// What Google signs the tokens of these tests with, unless they say otherwise.
const KID: &str = "0e5a1c";
const UID: &str = "0198a1f0-7c1e-7000-8000-0123456789ab";

async fn google() -> Google {
    Google::start(Reply::certificates(&[(0, KID), (1, "4f2b99")])).await
}

/// A deployment with keys from `google`, and these variables.
async fn deployment(google: &Google, variables: &[(&str, &str)]) -> Service {
    let url = google.url();
    let all = [&[("FIREBASE_CERTS_URL", url.as_str())], variables].concat();
    Service::configured(verify::router(), &all).await
}

/// One that verifies the tokens of the project.
async fn service(google: &Google) -> Service {
    deployment(google, &[("FIREBASE_PROJECT_ID", PROJECT)]).await
}

async fn verify(service: &Service, token: &Value) -> Answer {
    service.post("/verify", json!({"token": token})).await
}

async fn check_revoked(service: &Service, token: &Value) -> Answer {
    service.request(Method::GET, "/verify?check_revoked=true").bearer(token).send().await
}

fn claims(service: &Service) -> Value {
    id_token_claims(UID, service.now())
}

fn signed(claims: &Value) -> Value {
    certificate(0).id_token(KID, claims)
}

fn with(object: &Value, key: &str, value: Value) -> Value {
    let mut object = object.clone();
    object[key] = value;
    object
}

fn without(object: &Value, key: &str) -> Value {
    let mut object = object.clone();
    object.as_object_mut().unwrap().remove(key);
    object
}

#[track_caller]
fn assert_says(answer: &Answer, words: &str) {
    let message = answer.body["message"].as_str().unwrap();
    assert!(message.contains(words), "{words:?} is not in {message:?}");
}

/// Refuses as the rules before the last do.
#[track_caller]
fn refused(answer: Answer, words: &str) -> Answer {
    let answer = answer.refused(401, "auth/argument-error");
    assert_eq!(answer.header("www-authenticate"), r#"Bearer error="invalid_token""#);
    assert_says(&answer, words);
    answer
}

#[tokio::test]
async fn a_genuine_id_token_is_verified_without_asking_the_store() {
    let google = google().await;
    let service = service(&google).await;
    let mut claims = claims(&service);
    claims["email"] = json!("James@b.de");
    claims["email_verified"] = json!(true);
    claims["name"] = json!("James");
    claims["firebase"]["sign_in_provider"] = json!("google.com");
    let body = verify(&service, &signed(&claims)).await.is(200).body;
    assert!(service.calls().is_empty());
    assert_eq!(google.fetches(), 1);
    let time = |claim: &str| Timestamp::from_seconds(claims[claim].as_i64().unwrap());
    assert_eq!(
        body,
        json!({
            "valid": true, "kind": "firebase_id_token", "uid": UID, "email": "James@b.de", "email_verified": true,
            "name": "James", "role_id": 0, "provider": "google.com", "issued_at": time("iat").rfc3339(),
            "expires_at": time("exp").rfc3339(), "expires_in": body["expires_in"], "claims": claims,
            "report": format!("Expires: {} — in 59 minutes", time("exp").readable()),
        })
    );
    assert!((3_560..=3_570).contains(&body["expires_in"].as_i64().unwrap()), "{body}");
}

#[tokio::test]
async fn what_a_token_leaves_out_or_has_of_another_type_has_a_default() {
    let google = google().await;
    let service = service(&google).await;
    let defaults = ["email", "email_verified", "name", "role_id", "provider"];
    let bare = without(&without(&claims(&service), "firebase"), "user_id");
    let mut odd = claims(&service);
    for (claim, value) in [
        ("email", json!(["a@b.de"])),
        ("email_verified", json!("true")),
        ("name", json!(null)),
        ("role_id", json!(7)),
        ("user_id", json!("another")),
        ("firebase", json!({"sign_in_provider": 1})),
    ] {
        odd[claim] = value;
    }
    for claims in [bare, with(&odd, "firebase", json!("custom")), odd] {
        let body = verify(&service, &signed(&claims)).await.is(200).body;
        assert_eq!(
            defaults.map(|key| body[key].clone()),
            [json!(""), json!(false), json!(""), json!(0), json!("unknown")]
        );
        assert_eq!((&body["uid"], &body["claims"]), (&json!(UID), &claims));
    }
}

#[tokio::test]
async fn a_token_comes_in_the_body_in_a_form_or_in_the_header() {
    let google = google().await;
    let service = service(&google).await;
    let token = signed(&claims(&service));
    let post = || service.request(Method::POST, "/verify");
    verify(&service, &token).await.is(200);
    post().form(&format!("token={}", token.as_str().unwrap())).await.is(200);
    post().bearer(&token).send().await.is(200);
    service.request(Method::GET, "/verify").bearer(&token).send().await.is(200);
    post().bearer(&token).json(json!({"token": ""})).await.is(200);
    post().bearer(&token).json(json!({"token": null})).await.is(200);
    refused(post().bearer(&token).json(json!({"token": "x"})).await, "three parts");
}

#[tokio::test]
async fn what_is_no_text_is_no_token_and_nothing_at_all_is_missing() {
    let google = google().await;
    let service = service(&google).await;
    for (token, words) in [
        (json!(5), "three parts"),
        (json!(true), "three parts"),
        (json!([signed(&claims(&service))]), "not base64url"),
        (json!(["a"]), "this is JSON"),
        (json!({"token": "a"}), "this is JSON"),
        (json!(""), "is empty"),
        (json!(" "), "is empty"),
    ] {
        assert_eq!(refused(verify(&service, &token).await, words).body["report"], "");
    }
    let form = async |body| service.request(Method::POST, "/verify").form(body).await;
    refused(form("token=").await, "is empty");
    form("other=1").await.refused(400, "token_missing");
    for body in [json!({"token": null}), json!({})] {
        service.post("/verify", body).await.refused(400, "token_missing");
    }
    service.get("/verify").await.refused(400, "token_missing");
}

#[tokio::test]
async fn a_token_has_at_most_16_kib() {
    let google = google().await;
    let service = service(&google).await;
    let of_length = |longest: usize| {
        let token = |filler: usize| signed(&with(&claims(&service), "x", json!("x".repeat(filler))));
        let filler = longest - token(0).as_str().unwrap().len();
        // Three bytes are four letters.
        (filler / 4 * 3 - 8..).map(token).take_while(|token| token.as_str().unwrap().len() <= longest).last().unwrap()
    };
    let call = async |token: &Value| service.request(Method::GET, "/verify").bearer(token).send().await;
    call(&of_length(16 * 1024)).await.is(200);
    refused(call(&of_length(16 * 1024 + 4)).await, "16 KiB");
}

#[tokio::test]
async fn each_rule_is_asked_of_a_token_that_breaks_no_other() {
    let google = google().await;
    let service = service(&google).await;
    let (header, good) = (id_token_header(KID), claims(&service));
    let now = service.now().seconds();
    verify(&service, &signed(&good)).await.is(200);
    for (header, words) in [
        (without(&header, "kid"), "no kid"),
        (with(&header, "kid", json!("")), "no kid"),
        (with(&header, "kid", json!(5)), "no kid"),
        (with(&header, "kid", json!("other")), "not among the public keys"),
        (with(&header, "kid", json!("4f2b99")), "signature is wrong"),
        (without(&header, "alg"), "not RS256"),
        (with(&header, "alg", json!("none")), "not RS256"),
        (with(&header, "alg", json!("HS256")), "not RS256"),
        (with(&header, "alg", json!("RS512")), "not RS256"),
        (with(&header, "alg", json!("rs256")), "not RS256"),
        (with(&header, "alg", json!(["RS256"])), "not RS256"),
        (with(&header, "crit", json!(["exp"])), "critical header parameters"),
        (with(&header, "crit", json!([])), "critical header parameters"),
        (with(&header, "crit", json!(null)), "critical header parameters"),
    ] {
        refused(verify(&service, &certificate(0).sign(&header, &good).into()).await, words);
    }
    let not_text = [json!(null), json!(5), json!([PROJECT]), json!({})];
    let not_seconds =
        [json!(null), json!(now.to_string()), json!(now as f64 + 0.5), json!(-1), json!(u64::MAX), json!([now])];
    let mut broken = Vec::new();
    for claim in ["aud", "iss", "sub"] {
        broken.push((without(&good, claim), claim));
        broken.extend(not_text.iter().map(|value| (with(&good, claim, value.clone()), claim)));
        broken.push((with(&good, claim, json!("")), claim));
    }
    for claim in ["exp", "iat", "auth_time", "nbf"] {
        broken.extend(not_seconds.iter().map(|value| (with(&good, claim, value.clone()), claim)));
    }
    for claim in ["exp", "iat", "auth_time"] {
        broken.push((without(&good, claim), claim));
    }
    for claim in ["iat", "auth_time", "nbf"] {
        broken.push((with(&good, claim, json!(now + 3_600)), claim));
    }
    for issuer in ["https://securetoken.google.com/", "https://securetoken.google.com/demo-latchkey/", "demo-latchkey"]
    {
        broken.push((with(&good, "iss", json!(issuer)), "iss"));
    }
    broken.push((with(&good, "iss", json!("https://securetoken.google.com/other")), "iss"));
    broken.push((with(&good, "sub", json!("a".repeat(129))), "sub"));
    broken.push((with(&good, "sub", json!("🦀".repeat(65))), "sub"));
    for (claims, claim) in broken {
        let answer = refused(verify(&service, &signed(&claims)).await, &format!("The token's {claim}"));
        assert_eq!(answer.body["report"] == "", claim == "exp", "{}", answer.body);
    }
    for sub in ["a".repeat(128), "🦀".repeat(64), "a/b#c d".to_owned()] {
        assert_eq!(verify(&service, &signed(&with(&good, "sub", json!(sub)))).await.is(200).body["uid"], sub);
    }
    let expired = signed(&with(&good, "exp", json!(now - 120)));
    let answer = verify(&service, &expired).await.refused(401, "auth/id-token-expired");
    assert_eq!(answer.header("www-authenticate"), r#"Bearer error="invalid_token""#);
    let report = answer.body["report"].as_str().unwrap();
    assert!(report.starts_with("Expires: ") && report.ends_with(" UTC — 2 minutes ago"), "{report}");
}

#[tokio::test]
async fn a_token_of_another_project_is_told_both_names() {
    let google = google().await;
    let service = service(&google).await;
    let of = |project: &str| signed(&with(&claims(&service), "aud", json!(project)));
    let answer = refused(verify(&service, &of("production-7")).await, "\"production-7\"");
    assert_says(&answer, "\"demo-latchkey\"");
    assert_says(&answer, "another environment");
    let answer = refused(verify(&service, &of(&"x".repeat(500))).await, &"x".repeat(80));
    assert!(!answer.body["message"].as_str().unwrap().contains(&"x".repeat(81)));
}

/// A way to break a token, in the order of the rules, with words of the answer.
struct Breakage {
    words: &'static str,
    breaks: fn(&mut Draft),
}

/// A token that is being broken.
struct Draft {
    header: Value,
    claims: Value,
    key: usize,
    ending: &'static str,
}

impl Draft {
    fn token(&self) -> Value {
        json!(format!("{}{}", certificate(self.key).sign(&self.header, &self.claims), self.ending))
    }
}

const BREAKAGES: [Breakage; 10] = [
    Breakage { words: "padding", breaks: |draft| draft.ending = "=" },
    Breakage { words: "no kid", breaks: |draft| draft.header = without(&draft.header, "kid") },
    Breakage { words: "not RS256", breaks: |draft| draft.header["alg"] = json!("RS512") },
    Breakage { words: "critical header", breaks: |draft| draft.header["crit"] = json!(["exp"]) },
    Breakage { words: "The token's aud", breaks: |draft| draft.claims["aud"] = json!("other") },
    Breakage {
        words: "The token's iss",
        breaks: |draft| draft.claims["iss"] = json!("https://securetoken.google.com/other"),
    },
    Breakage { words: "The token's sub", breaks: |draft| draft.claims["sub"] = json!("") },
    Breakage { words: "signature is wrong", breaks: |draft| draft.key = 2 },
    Breakage { words: "auth_time is missing", breaks: |draft| draft.claims = without(&draft.claims, "auth_time") },
    Breakage { words: "has expired", breaks: |draft| draft.claims["exp"] = json!(1_000_000_000) },
];
/// Up to here the content alone tells; then come the keys.
const CONTENT: usize = 7;
const EXPIRY: usize = 9;

#[tokio::test]
async fn of_two_broken_rules_the_earlier_one_gives_the_answer() {
    let google = google().await;
    let service = service(&google).await;
    let claims = claims(&service);
    for (first, breakage) in BREAKAGES.iter().enumerate() {
        // With itself it is broken once.
        for second in &BREAKAGES[first..] {
            let mut draft = Draft { header: id_token_header(KID), claims: claims.clone(), key: 0, ending: "" };
            (second.breaks)(&mut draft);
            (breakage.breaks)(&mut draft);
            let answer = verify(&service, &draft.token()).await;
            let code = if first == EXPIRY { "auth/id-token-expired" } else { "auth/argument-error" };
            assert_eq!(answer.body["code"], code, "{} {}: {}", breakage.words, second.words, answer.body);
            assert_says(&answer.refused(401, code), breakage.words);
        }
    }
    let mut draft = Draft { header: id_token_header("unknown"), claims, key: 0, ending: "" };
    (BREAKAGES[EXPIRY].breaks)(&mut draft);
    refused(verify(&service, &draft.token()).await, "not among the public keys");
}

#[tokio::test]
async fn only_where_the_content_is_right_it_matters_that_there_are_no_keys() {
    let google = Google::start(Reply::new(500, "").delivered(Delivery::Reset)).await;
    let service = service(&google).await;
    for (index, breakage) in BREAKAGES.iter().enumerate().filter(|(index, _)| ![CONTENT, EXPIRY].contains(index)) {
        let mut draft = Draft { header: id_token_header(KID), claims: claims(&service), key: 0, ending: "" };
        (breakage.breaks)(&mut draft);
        let answer = verify(&service, &draft.token()).await;
        if index < CONTENT {
            refused(answer, breakage.words);
            assert_eq!(google.fetches(), 0);
        } else {
            assert_eq!(answer.refused(503, "keys_unavailable").header("retry-after"), "1");
        }
    }
}

/// Asks at a time that one second says: `token` is of the second in which it is verified.
async fn in_one_second(service: &Service, token: impl Fn(i64) -> Value) -> Answer {
    loop {
        let into_the_second = service.now().milliseconds().rem_euclid(1_000).unsigned_abs();
        service.pass(Duration::from_millis(1_000 - into_the_second));
        let second = service.now().seconds();
        let answer = verify(service, &token(second)).await;
        if service.now().seconds() == second {
            return answer;
        }
    }
}

#[tokio::test]
async fn the_skew_is_allowed_on_every_time_to_the_second() {
    let google = google().await;
    for (skew, seconds, since) in [("0", 0, "0 seconds"), ("60", 60, "1 minute"), ("300", 300, "5 minutes")] {
        let service = deployment(&google, &[("FIREBASE_PROJECT_ID", PROJECT), ("CLOCK_SKEW_SECONDS", skew)]).await;
        let at = async |claim: &str, offset: i64| {
            in_one_second(&service, |now| signed(&with(&claims(&service), claim, json!(now + offset)))).await
        };
        for claim in ["iat", "auth_time", "nbf"] {
            at(claim, seconds).await.is(200);
            refused(at(claim, seconds + 1).await, &format!("The token's {claim} is in the future"));
        }
        at("exp", 1 - seconds).await.is(200);
        let answer = at("exp", -seconds).await.refused(401, "auth/id-token-expired");
        let report = answer.body["report"].as_str().unwrap();
        assert!(report.ends_with(&format!(" UTC — {since} ago")), "{report}");
    }
}

#[tokio::test]
async fn a_token_within_the_skew_is_good_for_no_time() {
    let google = google().await;
    let service = service(&google).await;
    let token = signed(&claims(&service));
    service.pass(Duration::from_secs(3_600));
    let body = verify(&service, &token).await.is(200).body;
    assert_eq!(body["expires_in"], 0);
    assert!(body["report"].as_str().unwrap().ends_with(" seconds ago"), "{body}");
    service.pass(Duration::from_secs(60));
    verify(&service, &token).await.refused(401, "auth/id-token-expired");
}

#[tokio::test]
async fn no_change_of_a_signed_token_is_taken() {
    let google = google().await;
    let service = service(&google).await;
    let token = signed(&claims(&service));
    let text = token.as_str().unwrap();
    for index in (0..text.len()).step_by(7).chain([text.len() - 1]) {
        let mut changed = text.to_owned();
        // The last letter holds four bits that are none of the signature's.
        let letter = char::from(text.as_bytes()[index] ^ 1);
        let letter = if letter.is_ascii_alphanumeric() { letter } else { 'A' };
        changed.replace_range(index..=index, &letter.to_string());
        let answer = verify(&service, &json!(changed)).await;
        if changed != text {
            assert_eq!(answer.status, 401, "{index}");
        }
    }
    let input = text.rsplit_once('.').unwrap().0;
    refused(verify(&service, &json!(format!("{input}."))).await, "FIREBASE_AUTH_EMULATOR_HOST");
    refused(verify(&service, &json!(format!("{input}.AAAA"))).await, "signature is wrong");
}

#[tokio::test]
async fn what_two_readers_could_read_differently_is_refused_though_it_is_signed() {
    let google = google().await;
    let service = service(&google).await;
    let (header, claims) = (id_token_header(KID).to_string(), claims(&service).to_string());
    let twice = |text: &str, member: &str| format!("{{{member},{}", text.strip_prefix('{').unwrap());
    verify(&service, &certificate(0).sign_text(&header, &claims).into()).await.is(200);
    for (header, payload, words) in [
        (twice(&header, r#""alg":"none""#), claims.clone(), "header gives a key twice"),
        (header.clone(), twice(&claims, r#""sub":"admin""#), "payload gives a key twice"),
        (header.clone(), format!("{claims}{claims}"), "payload is not valid JSON"),
        (header.clone(), format!("[{claims}]"), "payload is not a JSON object"),
        (header.clone(), String::new(), "part of the token is empty"),
        (String::new(), claims.clone(), "part of the token is empty"),
        ("{}".to_owned(), claims.clone(), "no kid"),
    ] {
        refused(verify(&service, &certificate(0).sign_text(header, payload).into()).await, words);
    }
}

#[tokio::test]
async fn a_key_that_the_token_itself_names_or_brings_is_none() {
    let google = google().await;
    let service = service(&google).await;
    let thief = Google::start(Reply::jwk_set(&[(2, KID), (2, "theirs")])).await;
    let claims = claims(&service);
    let der = certificate(2).pem().lines().filter(|line| !line.starts_with('-')).collect::<String>();
    for (member, value) in [
        ("jwk", certificate(2).jwk(KID)),
        ("jku", json!(thief.url())),
        ("x5u", json!(thief.url())),
        ("x5c", json!([der])),
    ] {
        let header = |kid| with(&id_token_header(kid), member, value.clone());
        refused(verify(&service, &certificate(2).sign(&header(KID), &claims).into()).await, "signature is wrong");
        refused(verify(&service, &certificate(2).sign(&header("theirs"), &claims).into()).await, "not among");
        // Nor does it take anything from a token that Google signed.
        verify(&service, &certificate(0).sign(&header(KID), &claims).into()).await.is(200);
    }
    assert_eq!(thief.fetches(), 0);
}

/// A token of these parts with the service's own signature.
fn signed_here(header: &Value, claims: &Value) -> Value {
    let ring = KeyRing::parse(signing_keys()).unwrap();
    let key = &ring.signing(Timestamp::from_seconds(1_800_000_000)).unwrap().key;
    let text = format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims.to_string()));
    let signature = URL_SAFE_NO_PAD.encode(key.sign(text.as_bytes()).unwrap());
    json!(format!("{text}.{signature}"))
}

#[tokio::test]
async fn another_kind_of_token_is_called_by_its_name() {
    let google = google().await;
    let service = service(&google).await;
    let claims = claims(&service);
    let (named, nameless) = (id_token_header(KID), without(&id_token_header(KID), "kid"));
    let shared_secret = json!({"alg": "HS256", "typ": "JWT"});
    let custom = json!({"aud": CUSTOM_TOKEN_AUDIENCE, "uid": UID, "iss": "x", "sub": "x"});
    let issued_by = |issuer: &str| with(&claims, "iss", json!(issuer));
    for (header, claims, words) in [
        (&nameless, custom.clone(), "a Firebase custom token, where a Firebase ID token is expected. Sign in with it"),
        (&named, with(&claims, "aud", json!(CUSTOM_TOKEN_AUDIENCE)), "a Firebase custom token"),
        (&shared_secret, json!({"v": 0, "d": {"uid": UID}, "iat": 1}), "a legacy Firebase custom token"),
        (&named, issued_by("https://session.firebase.google.com/demo-latchkey"), "a Firebase session cookie"),
        (&named, issued_by("https://accounts.google.com"), "a token of Google's own sign-in"),
        (&named, with(&issued_by("https://accounts.google.com"), "aud", json!("client")), "Google's own sign-in"),
        (&named, issued_by("https://x.supabase.co/auth/v1"), "a Supabase token"),
        (&named, issued_by("https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_x"), "a Cognito token"),
        (&shared_secret, json!({"user_id": "1", "email": "a@b.de"}), "a token signed with a shared secret"),
        (&nameless, claims.clone(), "no kid in its header"),
        (&nameless, json!({}), "no kid in its header"),
    ] {
        refused(verify(&service, &certificate(0).sign(header, &claims).into()).await, words);
    }
    assert_eq!(google.fetches(), 0);
}

#[tokio::test]
async fn no_kind_is_taken_where_another_belongs() {
    let google = google().await;
    let service = deployment(&google, &[("FIREBASE_SERVICE_ACCOUNT", service_account())]).await;
    let grant = service.session(&service.account("a@b.de").await).await;
    verify(&service, &grant["access_token"]).await.is(200);
    refused(verify(&service, &grant["jwt_token"]).await, "a Firebase custom token");
    refused(verify(&service, &grant["refresh_token"]).await, "refresh token");

    let (own, google_s) = (KeyRing::parse(signing_keys()).unwrap(), claims(&service));
    let kid = own.signing(service.now()).unwrap().kid.clone();
    // What this service signs is no ID token, and what Google signs is no access token.
    refused(verify(&service, &signed_here(&id_token_header(&kid), &google_s)).await, "not among the public keys");
    refused(verify(&service, &signed_here(&id_token_header(KID), &google_s)).await, "signature is wrong");
    let token = shared::token::Token::parse(grant["access_token"].as_str().unwrap()).unwrap();
    let (access_header, access) = (Value::Object(token.header().clone()), Value::Object(token.claims));
    verify(&service, &signed_here(&access_header, &access)).await.is(200);
    for header in [access_header.clone(), with(&access_header, "kid", json!(KID))] {
        let token = certificate(0).sign(&header, &access).into();
        verify(&service, &token).await.refused(401, "token_invalid");
    }
    // A public key is no shared secret.
    for secret in [certificate(0).pem(), certificate(0).jwk(KID)["n"].as_str().unwrap().to_owned()] {
        let secret = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret.as_bytes());
        let header = with(&id_token_header(KID), "alg", json!("HS256"));
        let text = certificate(0).sign(&header, &google_s);
        let input = text.rsplit_once('.').unwrap().0;
        let signature = URL_SAFE_NO_PAD.encode(aws_lc_rs::hmac::sign(&secret, input.as_bytes()));
        refused(verify(&service, &json!(format!("{input}.{signature}"))).await, "not RS256");
    }
}

#[tokio::test]
async fn in_emulator_mode_the_emulators_tokens_are_taken_and_no_others() {
    let google = google().await;
    let variables =
        [("FIREBASE_AUTH_EMULATOR_HOST", "127.0.0.1:9099"), ("FIREBASE_SERVICE_ACCOUNT", service_account())];
    let service = deployment(&google, &variables).await;
    let header = json!({"alg": "none", "typ": "JWT"});
    let good = claims(&service);
    let body = verify(&service, &unsigned(&header, &good)).await.is(200).body;
    assert_eq!((&body["uid"], &body["kind"], &body["claims"]), (&json!(UID), &json!("firebase_id_token"), &good));
    verify(&service, &unsigned(&with(&header, "kid", json!("any")), &good)).await.is(200);

    let now = service.now().seconds();
    for (claims, words) in [
        (with(&good, "aud", json!("other")), "The token's aud"),
        (with(&good, "iss", json!("https://securetoken.google.com/other")), "The token's iss"),
        (without(&good, "sub"), "The token's sub"),
        (without(&good, "auth_time"), "The token's auth_time"),
        (with(&good, "iat", json!(now + 3_600)), "The token's iat"),
        (with(&good, "aud", json!(CUSTOM_TOKEN_AUDIENCE)), "a Firebase custom token"),
    ] {
        refused(verify(&service, &unsigned(&header, &claims)).await, words);
    }
    let expired = unsigned(&header, &with(&good, "exp", json!(now - 3_600)));
    verify(&service, &expired).await.refused(401, "auth/id-token-expired");
    let critical = unsigned(&with(&header, "crit", json!(["exp"])), &good);
    refused(verify(&service, &critical).await, "critical header parameters");

    let with_signature = certificate(0).sign(&header, &good).into();
    let without_signature = unsigned(&id_token_header(KID), &good);
    for token in [signed(&good), with_signature, without_signature, unsigned(&json!({"alg": "None"}), &good)] {
        refused(verify(&service, &token).await, "in emulator mode");
    }

    let grant = service.session(&service.account("a@b.de").await).await;
    refused(verify(&service, &grant["jwt_token"]).await, "a Firebase custom token");
    assert_eq!(verify(&service, &grant["access_token"]).await.is(200).body["kind"], "access_token");
    let token = shared::token::Token::parse(grant["access_token"].as_str().unwrap()).unwrap();
    let (access_header, access) = (Value::Object(token.header().clone()), Value::Object(token.claims));
    for header in [with(&access_header, "alg", json!("none")), access_header] {
        verify(&service, &unsigned(&header, &access)).await.refused(401, "token_invalid");
    }
    assert_eq!(google.fetches(), 0);
}

#[tokio::test]
async fn elsewhere_a_token_without_a_signature_is_told_where_it_belongs() {
    let google = google().await;
    let service = service(&google).await;
    for header in [json!({"alg": "none", "typ": "JWT"}), id_token_header(KID)] {
        refused(verify(&service, &unsigned(&header, &claims(&service))).await, "FIREBASE_AUTH_EMULATOR_HOST");
    }
    assert_eq!(google.fetches(), 0);
}

#[tokio::test]
async fn a_deployment_without_a_project_says_what_to_set() {
    let google = google().await;
    let service = deployment(&google, &[]).await;
    let answer = refused(verify(&service, &signed(&claims(&service))).await, "set FIREBASE_PROJECT_ID");
    assert!(answer.body["report"].as_str().unwrap().starts_with("Expires: "));
    let custom = certificate(0).sign(&json!({"alg": "RS256"}), &json!({"aud": CUSTOM_TOKEN_AUDIENCE})).into();
    refused(verify(&service, &custom).await, "a Firebase custom token, where an access token");
    assert_eq!(google.fetches(), 0);
}

#[tokio::test]
async fn the_project_is_the_one_set_then_the_service_accounts_then_the_clouds() {
    let google = google().await;
    let account = ("FIREBASE_SERVICE_ACCOUNT", service_account());
    let cloud = |project| ("GOOGLE_CLOUD_PROJECT", project);
    for variables in [
        &[account][..],
        &[cloud(PROJECT)],
        &[account, cloud("other")],
        &[("FIREBASE_PROJECT_ID", PROJECT), cloud("other")],
    ] {
        let service = deployment(&google, variables).await;
        verify(&service, &signed(&claims(&service))).await.is(200);
    }
    for variables in [&[("FIREBASE_PROJECT_ID", "other"), account][..], &[cloud("other")]] {
        let service = deployment(&google, variables).await;
        refused(verify(&service, &signed(&claims(&service))).await, "\"other\"");
    }
}

async fn change(service: &Service, user: &User, change: impl FnOnce(&mut User)) {
    let stored = service.stored(user).await.unwrap();
    let mut changed = stored.clone();
    change(&mut changed);
    service.app().store().change_user(&stored, &changed, None).await.unwrap();
    service.calls();
}

#[tokio::test]
async fn check_revoked_asks_the_account_and_when_its_sessions_were_ended() {
    let google = google().await;
    let service = service(&google).await;
    let user = service.account("a@b.de").await;
    let signed_in_at = |auth_time: Timestamp| {
        // `iat` moves with every refresh, and tells nothing here.
        let claims = with(&id_token_claims(&user.id, service.now()), "auth_time", json!(auth_time.seconds()));
        signed(&with(&claims, "iat", json!(service.now().seconds())))
    };
    let check = async |token: &Value| {
        service.calls();
        let answer = check_revoked(&service, token).await;
        assert_eq!(service.calls(), ["BatchGetItem"]);
        verify(&service, token).await.is(200);
        assert!(service.calls().is_empty());
        answer
    };
    let first = service.now();
    assert_eq!(check(&signed_in_at(first)).await.is(200).body["uid"], user.id);

    service.pass(Duration::from_secs(10));
    let end = Timestamp::from_milliseconds(service.now().floor().milliseconds() + 500);
    change(&service, &user, |user| user.end_sessions(end)).await;
    let ended = service.stored(&user).await.unwrap().sessions_ended_at.unwrap();
    service.pass(Duration::from_secs(10));
    let answer = check(&signed_in_at(first)).await.refused(401, "auth/id-token-revoked");
    assert_says(&answer, "Log in again");
    assert!(answer.body["report"].as_str().unwrap().starts_with("Expires: "));
    check(&signed_in_at(Timestamp::from_seconds(ended.seconds() - 1))).await.refused(401, "auth/id-token-revoked");
    // `auth_time` has no fraction and the end has: a sign-in in that second is one from before.
    assert_ne!(ended, ended.floor());
    check(&signed_in_at(ended)).await.refused(401, "auth/id-token-revoked");
    check(&signed_in_at(Timestamp::from_seconds(ended.seconds() + 1))).await.is(200);
    check(&signed_in_at(service.now())).await.is(200);

    change(&service, &user, |user| user.disabled = true).await;
    check(&signed_in_at(service.now())).await.refused(401, "auth/user-disabled");
    check(&signed_in_at(first)).await.refused(401, "auth/user-disabled");

    service.app().store().delete_user(&service.stored(&user).await.unwrap()).await.unwrap();
    check(&signed_in_at(service.now())).await.refused(401, "auth/id-token-revoked");
    for uid in [UID.to_owned(), "日".repeat(128), "a#b/c".to_owned()] {
        let token = signed(&id_token_claims(&uid, service.now()));
        check(&token).await.refused(401, "auth/id-token-revoked");
    }
}

#[tokio::test]
async fn check_revoked_comes_after_all_that_the_token_says() {
    let google = google().await;
    let service = service(&google).await;
    let expired = with(&claims(&service), "exp", json!(1_000_000_000));
    check_revoked(&service, &signed(&expired)).await.refused(401, "auth/id-token-expired");
    check_revoked(&service, &certificate(2).id_token(KID, &claims(&service))).await.refused(401, "auth/argument-error");
    assert!(service.calls().is_empty());
}

#[tokio::test]
async fn an_address_is_verified_by_the_token_or_where_it_has_none_by_the_account() {
    let google = google().await;
    let variables = [("FIREBASE_PROJECT_ID", PROJECT), ("REQUIRE_VERIFIED_EMAIL", "true")];
    let service = deployment(&google, &variables).await;
    let user = service.account("a@b.de").await;
    let bare = id_token_claims(&user.id, service.now());
    let addressed = with(&bare, "email", json!("a@b.de"));
    let verified = |value: Value| signed(&with(&addressed, "email_verified", value));

    verify(&service, &verified(json!(true))).await.is(200);
    for token in [verified(json!(false)), verified(json!("true")), signed(&addressed)] {
        verify(&service, &token).await.refused(403, "email_not_verified");
    }
    assert!(service.calls().is_empty());

    verify(&service, &signed(&bare)).await.refused(403, "email_not_verified");
    assert_eq!(service.calls(), ["BatchGetItem"]);
    change(&service, &user, |user| user.email_verified = true).await;
    verify(&service, &signed(&bare)).await.is(200);
    assert_eq!(service.calls(), ["BatchGetItem"]);
    check_revoked(&service, &signed(&bare)).await.is(200);
    assert_eq!(service.calls(), ["BatchGetItem"]);
    verify(&service, &signed(&claims(&service))).await.refused(403, "email_not_verified");
    verify(&service, &verified(json!(false))).await.refused(403, "email_not_verified");
}
