//! An admin signs in as somebody else: by a code, or by a link to an app. Each token says so.

use std::time::Duration;

use axum::http::Method;
use serde_json::{Value, json};
use shared::{
    jose::jwt::Jwt,
    testing::{Answer, Google, PASSWORD, Reply, Service, assert_session_object, certificate, id_token_claims},
};

use super::{KEY, variables};

const KID: &str = "0e5a1c";
const ON: (&str, &str) = ("ADMIN_SIGN_IN_LINKS", "true");
const APP: &str = "https://app.example/support?from=admin&challenge=old";

async fn service_with(more: &[(&'static str, &'static str)]) -> Service {
    let kept = variables().into_iter().filter(|(name, _)| more.iter().all(|(other, _)| other != name));
    Service::configured(latchkey::router(), &kept.chain(more.iter().copied()).collect::<Vec<_>>()).await
}

async fn link(service: &Service, id: &str, body: Value) -> Answer {
    let call = service.request(Method::POST, &format!("/admin/users/{id}/link"));
    call.header("x-admin-key", KEY).json(body).await
}

async fn complete(service: &Service, link: &Value) -> Answer {
    let shown = json!({"challenge": link["challenge"], "code": link["code"]});
    service.post("/login/email/complete", shown).await
}

fn claims(token: &Value) -> Jwt {
    Jwt::parse(token.as_str().unwrap()).unwrap()
}

async fn verified(service: &Service, token: &Value) -> Value {
    service.request(Method::GET, "/verify?check_revoked=true").bearer(token).send().await.is(200).body
}

#[tokio::test(start_paused = true)]
async fn nobody_signs_in_as_somebody_else_unless_the_deployment_wants_it() {
    let service = service_with(&[]).await;
    let user = service.account("a@b.de").await;
    let refused = link(&service, &user.id, json!({"purpose": "sign_in"})).await.refused(501, "not_configured");
    assert!(refused.body["detail"].as_str().unwrap().contains("ADMIN_SIGN_IN_LINKS"), "{}", refused.body);

    let on = service.beside(latchkey::router(), &[&variables()[..], &[ON]].concat(), None).await;
    let made = link(&on, &user.id, json!({"purpose": "sign_in"})).await.is(200).body;
    // The setting went off meanwhile.
    complete(&service, &made).await.refused(401, "code_invalid");
}

#[tokio::test(start_paused = true)]
async fn every_token_of_the_session_names_the_admin_and_so_does_each_one_after_a_refresh() {
    for profile in ["firebase", "shared_secret", "access"] {
        let service = service_with(&[ON, ("TOKEN_PROFILE", profile), ("EMAIL_SIGN_IN", "off")]).await;
        let user = service.account("a@b.de").await;
        let made = link(&service, &user.id, json!({"purpose": "sign_in"})).await.is(200).body;
        assert_eq!((&made["link"], &made["sent"]), (&json!(""), &json!(false)));
        let mut session = complete(&service, &made).await.is(200).body;
        for _ in 0..3 {
            assert_session_object(&session);
            for token in ["access_token", "jwt_token"] {
                let token = claims(&session[token]);
                let act = token.claims.get("act").or_else(|| token.claims.get("claims")?.get("act"));
                assert_eq!(act, Some(&json!({"sub": "key:anna"})), "{profile}");
            }
            let body = verified(&service, &session["access_token"]).await;
            assert_eq!((&body["uid"], &body["act"]), (&json!(user.id), &json!("key:anna")));
            let decoded = service.post("/jwt/decode", json!({"token": session["access_token"]})).await.is(200).body;
            assert_eq!(decoded["warnings"][0]["code"], "impersonated", "{decoded}");
            service.pass(Duration::from_secs(3_600));
            session = service.post("/refresh", json!({"refresh_token": session["refresh_token"]})).await.is(200).body;
        }
        // The code was good once.
        complete(&service, &made).await.refused(401, "code_invalid");
        let own = service.post("/login", json!({"email": "a@b.de", "password": PASSWORD})).await.is(200).body;
        assert!(!claims(&own["access_token"]).claims.contains_key("act"));
        assert_eq!(verified(&service, &own["access_token"]).await["act"], "");
    }
}

#[tokio::test(start_paused = true)]
async fn the_session_of_an_admin_ends_after_twelve_hours_and_with_the_others() {
    let service = service_with(&[ON]).await;
    let user = service.account("a@b.de").await;
    let made = link(&service, &user.id, json!({"purpose": "sign_in"})).await.is(200).body;
    let session = complete(&service, &made).await.is(200).body;
    assert_eq!(session["refresh_expires_at"], (service.now() + Duration::from_secs(43_200)).rfc3339());
    service.pass(Duration::from_secs(43_199));
    let session = service.post("/refresh", json!({"refresh_token": session["refresh_token"]})).await.is(200).body;
    service.pass(Duration::from_secs(1));
    let refresh = json!({"refresh_token": session["refresh_token"]});
    service.post("/refresh", refresh).await.refused(401, "refresh_token_expired");

    let made = link(&service, &user.id, json!({"purpose": "sign_in"})).await.is(200).body;
    let session = complete(&service, &made).await.is(200).body;
    let path = format!("/admin/users/{}/end-sessions", user.id);
    service.request(Method::POST, &path).header("x-admin-key", KEY).send().await.is(200);
    let verify = service.request(Method::GET, "/verify?check_revoked=true").bearer(&session["access_token"]);
    verify.send().await.refused(401, "token_revoked");
}

#[tokio::test(start_paused = true)]
async fn a_link_leads_to_the_app_with_all_that_its_login_needs() {
    let service = service_with(&[ON, ("APP_URLS", "https://app.example")]).await;
    let user = service.account("a@b.de").await;
    let body = json!({"purpose": "sign_in", "continue_url": APP});
    let made = link(&service, &user.id, body).await.is(200).body;
    let (page, token) = made["link"].as_str().unwrap().split_once('#').unwrap();
    assert!(page.ends_with("/pages/sign-in"), "{page}");
    let handed = service.post("/pages/sign-in", json!({"token": token})).await.is(200).body;
    let query =
        handed["continue_url"].as_str().unwrap().strip_prefix("https://app.example/support?from=admin&").unwrap();
    let (code, challenge) = query.split_once('&').unwrap();
    let (code, challenge) = (code.strip_prefix("code=").unwrap(), challenge.strip_prefix("challenge=").unwrap());
    assert_eq!(json!(challenge), made["challenge"]);
    let session =
        service.post("/login/email/complete", json!({"challenge": challenge, "code": code})).await.is(200).body;
    assert_eq!(verified(&service, &session["access_token"]).await["act"], "key:anna");
    let again = service.post("/pages/sign-in", json!({"token": token})).await;
    again.refused(401, "link_used");
    // The link of an owner stays what it was: off.
    service.post("/login/email", json!({"email": "a@b.de"})).await.is(200);
}

#[tokio::test(start_paused = true)]
async fn a_sign_in_of_an_admin_proves_nothing_and_changes_nothing() {
    let google = Google::start(Reply::certificates(&[(0, KID)])).await;
    let url: &'static str = google.url().leak();
    let providers = ("IDENTITY_PROVIDERS", r#"[{"id":"firebase"}]"#);
    let service = service_with(&[ON, ("FIREBASE_CERTS_URL", url), providers]).await;
    let user = service.account("a@b.de").await;
    let sign_in = json!({"purpose": "sign_in"});
    let mailed = link(&service, &user.id, json!({"purpose": "sign_in", "send": true})).await;
    assert_eq!(mailed.refused(400, "invalid_request").fields(), [("send", "ambiguous")]);
    let made = link(&service, &user.id, sign_in.clone()).await.is(200).body;
    let session = complete(&service, &made).await.is(200).body;
    let now = service.stored(&user).await.unwrap();
    assert_eq!((now.email_verified, now.epoch, now.password_hash.is_some()), (false, user.epoch, true));
    // Nor does such a code confirm a change of the address.
    let code = link(&service, &user.id, sign_in.clone()).await.is(200).body;
    let change = json!({"new_email": "c@b.de", "challenge": code["challenge"], "code": code["code"]});
    let me = service.request(Method::POST, "/me/email").bearer(&session["access_token"]);
    let refused = me.json(change).await;
    assert!([400, 401].contains(&refused.status.as_u16()), "{}", refused.body);
    // Nor does the session take the place of a password, or lead to one without the admin's name.
    let bare = service.account_with("bare@b.de", None, |user| user.password_hash = None).await;
    let made = link(&service, &bare.id, sign_in.clone()).await.is(200).body;
    let session = complete(&service, &made).await.is(200).body;
    let call = |path: &str| service.request(Method::POST, path).bearer(&session["access_token"]);
    call("/me/delete").json(json!({})).await.refused(401, "reauthentication_required");
    let change = json!({"new_email": "c@b.de"});
    call("/me/email").json(change).await.refused(401, "reauthentication_required");
    let mut claims = id_token_claims(&bare.id, service.now());
    claims["act"] = json!({"sub": "key:anna"});
    let exchange = json!({"provider": "firebase", "id_token": certificate(0).id_token(KID, &claims)});
    service.post("/exchange", exchange.clone()).await.refused(401, "id_token_invalid");
    claims.as_object_mut().unwrap().remove("act");
    let own = json!({"provider": "firebase", "id_token": certificate(0).id_token(KID, &claims)});
    service.post("/exchange", own).await.is(200);
    let barred = service.account_with("barred@b.de", None, |user| user.disabled = true).await;
    link(&service, &barred.id, sign_in).await.refused(403, "account_disabled");
}

/// The log would otherwise show one admin in the place of another.
#[tokio::test(start_paused = true)]
async fn a_session_in_the_name_of_an_admin_opens_nothing_below_admin() {
    let service = service_with(&[ON, ("ADMIN_ROLES", "7")]).await;
    let admin = service.account_with("admin@b.de", None, |user| user.role_id = 7).await;
    let user = service.account("a@b.de").await;
    let made = link(&service, &admin.id, json!({"purpose": "sign_in"})).await.is(200).body;
    let session = complete(&service, &made).await.is(200).body;
    let list = service.request(Method::GET, "/admin/users").bearer(&session["access_token"]).send().await;
    list.refused(401, "token_invalid");

    let own = service.session(&admin).await;
    let call = service.request(Method::POST, &format!("/admin/users/{}/link", user.id)).bearer(&own["access_token"]);
    let made = call.json(json!({"purpose": "sign_in"})).await.is(200).body;
    let session = complete(&service, &made).await.is(200).body;
    let actor = format!("user:{}", admin.id);
    assert_eq!(verified(&service, &session["access_token"]).await["act"], actor);
}
