//! Tests every rule of a genuine token: broken alone, and any two broken together.

use std::time::Duration;

use serde_json::{Value, json};
use shared::testing::{Answer, Delivery, Google, PROJECT, Reply, Service, certificate, id_token_header};

use super::{KID, assert_says, claims, deployment, google, refused, service, signed, verify, with, without};

#[tokio::test(start_paused = true)]
async fn a_token_of_another_tenant_or_of_none_is_refused_by_a_code_of_its_own() {
    let google = google().await;
    let tenant = |claims: &Value, tenant: Value| {
        with(claims, "firebase", json!({"sign_in_provider": "custom", "tenant": tenant}))
    };
    let without_tenant = service(&google).await;
    let variables = [("FIREBASE_PROJECT_ID", PROJECT), ("FIREBASE_TENANT_ID", "shop-a1b2c")];
    let with_tenant = deployment(&google, &variables).await;
    for (service, ours, others) in [
        (&without_tenant, vec![json!(null)], vec![json!("shop-a1b2c"), json!(""), json!(5), json!({})]),
        (
            &with_tenant,
            vec![json!("shop-a1b2c")],
            vec![json!(null), json!("shop"), json!("SHOP-A1B2C"), json!(["shop-a1b2c"])],
        ),
    ] {
        let good = claims(service);
        for value in ours {
            verify(service, &signed(&tenant(&good, value))).await.is(200);
        }
        for value in others {
            let answer = verify(service, &signed(&tenant(&good, value))).await;
            assert_says(&answer.refused(401, "auth/mismatching-tenant-id"), "FIREBASE_TENANT_ID");
        }
    }
    let good = claims(&with_tenant);
    verify(&with_tenant, &signed(&good)).await.refused(401, "auth/mismatching-tenant-id");
    // Another project is named first, a wrong signature and the expiry last.
    let expired = with(&good, "exp", json!(1_000_000_000));
    verify(&with_tenant, &signed(&expired)).await.refused(401, "auth/mismatching-tenant-id");
    verify(&with_tenant, &certificate(2).id_token(KID, &good)).await.refused(401, "auth/mismatching-tenant-id");
    verify(&with_tenant, &signed(&with(&good, "aud", json!("other")))).await.refused(401, "auth/argument-error");
}

#[tokio::test(start_paused = true)]
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

#[tokio::test(start_paused = true)]
async fn the_refusal_of_another_projects_token_names_both_projects() {
    let google = google().await;
    let service = service(&google).await;
    let of = |project: &str| signed(&with(&claims(&service), "aud", json!(project)));
    let answer = refused(verify(&service, &of("production-7")).await, "\"production-7\"");
    assert_says(&answer, "\"demo-latchkey\"");
    assert_says(&answer, "another environment");
    let answer = refused(verify(&service, &of(&"x".repeat(500))).await, &"x".repeat(80));
    assert!(!answer.body["message"].as_str().unwrap().contains(&"x".repeat(81)));
}

/// A way to break a rule, with words of the answer. The list has the order of the rules.
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
/// The number of rules about the content alone. The rules about keys follow.
const CONTENT: usize = 7;
const EXPIRY: usize = 9;

#[tokio::test(start_paused = true)]
async fn of_two_broken_rules_the_earlier_one_gives_the_answer() {
    let google = google().await;
    let service = service(&google).await;
    let claims = claims(&service);
    for (first, breakage) in BREAKAGES.iter().enumerate() {
        // Together with itself, the rule is broken once.
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

#[tokio::test(start_paused = true)]
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

/// Verifies the token of a second within the same second. Tries again if the second ends meanwhile.
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

#[tokio::test(start_paused = true)]
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

#[tokio::test(start_paused = true)]
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

#[tokio::test(start_paused = true)]
async fn no_change_of_a_signed_token_is_accepted() {
    let google = google().await;
    let service = service(&google).await;
    let token = signed(&claims(&service));
    let text = token.as_str().unwrap();
    for index in (0..text.len()).step_by(7).chain([text.len() - 1]) {
        let mut changed = text.to_owned();
        // The last letter has four bits that are no part of the signature.
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

#[tokio::test(start_paused = true)]
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

#[tokio::test(start_paused = true)]
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
        // Such a header does not spoil a token that Google signed.
        verify(&service, &certificate(0).sign(&header(KID), &claims).into()).await.is(200);
    }
    assert_eq!(thief.fetches(), 0);
}
