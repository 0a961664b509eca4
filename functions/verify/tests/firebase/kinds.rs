//! Tests tokens of another kind, another mode and another project.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use shared::{
    jose::kind::CUSTOM_TOKEN_AUDIENCE,
    keys::KeyRing,
    testing::{PROJECT, certificate, id_token_header, service_account, signing_keys, unsigned},
    time::Timestamp,
};

use super::{KID, UID, claims, deployment, google, refused, service, signed, verify, with, without};

/// A token of these parts with the service's own signature.
fn signed_here(header: &Value, claims: &Value) -> Value {
    let ring = KeyRing::parse(signing_keys()).unwrap();
    let key = &ring.signing(Timestamp::from_seconds(1_800_000_000)).unwrap().key;
    let text = format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims.to_string()));
    let signature = URL_SAFE_NO_PAD.encode(key.sign(text.as_bytes()).unwrap());
    json!(format!("{text}.{signature}"))
}

#[tokio::test(start_paused = true)]
async fn another_kind_of_token_is_called_by_its_name() {
    let google = google().await;
    let service = service(&google).await;
    let claims = claims(&service);
    let (named, nameless) = (id_token_header(KID), without(&id_token_header(KID), "kid"));
    let shared_secret = json!({"alg": "HS256", "typ": "JWT"});
    let custom = json!({"aud": CUSTOM_TOKEN_AUDIENCE, "uid": UID, "iss": "x", "sub": "x"});
    let issued_by = |issuer: &str| with(&claims, "iss", json!(issuer));
    for (header, claims, words) in [
        (&nameless, custom.clone(), "a Firebase custom token, where a Firebase ID token is expected. Pass it to"),
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

#[tokio::test(start_paused = true)]
async fn no_kind_is_accepted_in_place_of_another() {
    let google = google().await;
    let service = deployment(&google, &[("FIREBASE_SERVICE_ACCOUNT", service_account())]).await;
    let session = service.session(&service.account("a@b.de").await).await;
    verify(&service, &session["access_token"]).await.is(200);
    refused(verify(&service, &session["jwt_token"]).await, "a Firebase custom token");
    refused(verify(&service, &session["refresh_token"]).await, "refresh token");

    let (own, google_s) = (KeyRing::parse(signing_keys()).unwrap(), claims(&service));
    let kid = own.signing(service.now()).unwrap().kid.clone();
    // A token that this service signed is no ID token, and a token that Google signed is no access
    // token.
    refused(verify(&service, &signed_here(&id_token_header(&kid), &google_s)).await, "not among the public keys");
    refused(verify(&service, &signed_here(&id_token_header(KID), &google_s)).await, "signature is wrong");
    let token = shared::jose::jwt::Jwt::parse(session["access_token"].as_str().unwrap()).unwrap();
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

#[tokio::test(start_paused = true)]
async fn in_emulator_mode_only_the_emulators_tokens_are_accepted() {
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

    let session = service.session(&service.account("a@b.de").await).await;
    refused(verify(&service, &session["jwt_token"]).await, "a Firebase custom token");
    assert_eq!(verify(&service, &session["access_token"]).await.is(200).body["kind"], "access_token");
    let token = shared::jose::jwt::Jwt::parse(session["access_token"].as_str().unwrap()).unwrap();
    let (access_header, access) = (Value::Object(token.header().clone()), Value::Object(token.claims));
    for header in [with(&access_header, "alg", json!("none")), access_header] {
        verify(&service, &unsigned(&header, &access)).await.refused(401, "token_invalid");
    }
    assert_eq!(google.fetches(), 0);
}

#[tokio::test(start_paused = true)]
async fn outside_emulator_mode_the_refusal_of_an_unsigned_token_names_the_emulator() {
    let google = google().await;
    let service = service(&google).await;
    for header in [json!({"alg": "none", "typ": "JWT"}), id_token_header(KID)] {
        refused(verify(&service, &unsigned(&header, &claims(&service))).await, "FIREBASE_AUTH_EMULATOR_HOST");
    }
    assert_eq!(google.fetches(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_deployment_without_a_project_says_what_to_set() {
    let google = google().await;
    let service = deployment(&google, &[]).await;
    let answer = refused(verify(&service, &signed(&claims(&service))).await, "set FIREBASE_PROJECT_ID");
    assert!(answer.body["report"].as_str().unwrap().starts_with("Expires: "));
    let custom = certificate(0).sign(&json!({"alg": "RS256"}), &json!({"aud": CUSTOM_TOKEN_AUDIENCE})).into();
    refused(verify(&service, &custom).await, "a Firebase custom token, where an access token");
    assert_eq!(google.fetches(), 0);
}

#[tokio::test(start_paused = true)]
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
