//! Tests `POST /logout` from the outside.

#![expect(clippy::indexing_slicing, reason = "a test that cannot go on fails")]

use std::time::Duration;

use serde_json::{Value, json};
use shared::{
    account::{refresh_token::RefreshToken, user::User},
    auth::session_object::presented,
    mail::{Kind, Language},
    testing::Service,
};

async fn service() -> Service {
    Service::new(logout::router()).await
}

async fn log_out(service: &Service, body: Value) -> Value {
    service.post("/logout", body).await.is(200).body
}

async fn session(service: &Service, user: &User) -> Value {
    service.session(user).await["refresh_token"].clone()
}

fn ended(sessions: u32) -> Value {
    json!({"logged_out": true, "sessions_ended": sessions, "firebase": ""})
}

#[tokio::test(start_paused = true)]
async fn a_session_ends_in_one_round_trip_and_only_once() {
    let service = service().await;
    let user = service.account("a@b.de").await;
    let token = session(&service, &user).await;
    assert_eq!(log_out(&service, json!({"refresh_token": token})).await, ended(1));
    assert_eq!(service.calls(), ["UpdateItem"]);
    // The end of the same session in the same millisecond would be the same call, tried again.
    service.pass(Duration::from_millis(1));
    assert_eq!(log_out(&service, json!({"refresh_token": token})).await, ended(0));
    assert!(service.app().store().sessions_of(&user.id).await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn other_sessions_live_on() {
    let service = service().await;
    let user = service.account("a@b.de").await;
    let (token, _other) = (session(&service, &user).await, session(&service, &user).await);
    log_out(&service, json!({"refresh_token": token, "everywhere": false})).await;
    assert_eq!(service.app().store().sessions_of(&user.id).await.unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn everywhere_ends_all_sessions_of_this_user_and_of_nobody_else() {
    let service = service().await;
    let (user, stranger) = (service.account("a@b.de").await, service.account("c@d.de").await);
    let strangers = session(&service, &stranger).await;
    let tokens = [session(&service, &user).await, session(&service, &user).await, session(&service, &user).await];
    assert_eq!(log_out(&service, json!({"refresh_token": tokens[1], "everywhere": true})).await, ended(3));
    for token in &tokens {
        assert_eq!(log_out(&service, json!({"refresh_token": token, "everywhere": true})).await, ended(0));
        assert_eq!(log_out(&service, json!({"refresh_token": token})).await, ended(0));
    }
    assert_eq!(service.stored(&user).await.unwrap().epoch, 1);
    assert_eq!(log_out(&service, json!({"refresh_token": strangers})).await, ended(1));
}

#[tokio::test(start_paused = true)]
async fn an_old_token_ends_its_own_session_alone_however_it_asks() {
    let service = service().await;
    let user = service.account("a@b.de").await;
    let (old, other) = (session(&service, &user).await, session(&service, &user).await);
    let store = service.app().store();
    let lifetimes = &service.app().config().tokens.session_lifetimes;
    let mut recent = Vec::new();
    for token in [&old, &other] {
        let (mut opened, rotator) =
            presented(service.app(), token.as_str().unwrap(), None, service.now()).await.unwrap().unwrap();
        recent.push(opened);
        for _ in 0..2 {
            opened.counter = store.rotate(opened, rotator.clone(), service.now(), lifetimes, true).await.unwrap().child;
        }
    }
    assert_eq!(log_out(&service, json!({"refresh_token": old, "everywhere": true})).await, ended(1));
    assert_eq!(service.stored(&user).await.unwrap().epoch, 0);
    // The parent of the newest token may end all of them.
    let keys = service.app().keys().get(service.now()).await.unwrap();
    let key = keys.ring.refresh().signing(service.now(), service.now()).unwrap();
    let parent = RefreshToken { counter: 1, ..recent[1] }.seal(key);
    assert_eq!(log_out(&service, json!({"refresh_token": parent, "everywhere": true})).await, ended(1));
    assert_eq!(service.stored(&user).await.unwrap().epoch, 1);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_a_login_stores_while_all_are_ended_is_dead() {
    let service = service().await;
    let user = service.account("a@b.de").await;
    let token = session(&service, &user).await;
    log_out(&service, json!({"refresh_token": token, "everywhere": true})).await;
    let late = service.new_session(&user);
    service.app().store().put_session(&late).await.unwrap();
    assert!(!late.is_live(&service.stored(&user).await.unwrap(), service.now()));
}

#[tokio::test(start_paused = true)]
async fn a_dead_token_is_good_and_a_guess_is_told_that_nothing_was_done() {
    let service = service().await;
    let user = service.account("a@b.de").await;
    let session = service.session(&user).await;
    service.pass(Duration::from_secs(14 * 86_400));
    for everywhere in [false, true] {
        let body = |token: &Value| json!({"refresh_token": token, "everywhere": everywhere});
        assert_eq!(log_out(&service, body(&session["refresh_token"])).await, ended(0));
        for (token, words) in [
            (json!("A".repeat(43)), "no key of this service made it"),
            (json!("x"), "has 43 characters; this text has 1."),
            (json!("null"), "the text null"),
            (json!("undefined"), "the text undefined"),
            (json!("\"\""), "The token is empty."),
            (json!("[object Object]"), "the text of an object"),
            (json!(true), "the text true"),
            (session["access_token"].clone(), "an access token of this service, where a refresh token"),
            (session["jwt_token"].clone(), "a Firebase custom token, where a refresh token"),
        ] {
            let answer = service.post("/logout", body(&token)).await.refused(400, "invalid_request");
            assert_eq!(answer.fields(), [("refresh_token", "wrong_token")]);
            assert!(answer.body["detail"].as_str().unwrap().contains(words), "{words}: {}", answer.body);
        }
    }
    assert_eq!(service.stored(&user).await.unwrap().epoch, 0);
}

#[tokio::test(start_paused = true)]
async fn a_token_with_something_around_it_ends_its_session() {
    let service = service().await;
    let user = service.account("a@b.de").await;
    for around in ["\"TOKEN\"", "Bearer TOKEN", " TOKEN\n", "refresh_token=TOKEN", "{\"refresh_token\":\"TOKEN\"}"] {
        let token = session(&service, &user).await;
        let pasted = around.replace("TOKEN", token.as_str().unwrap());
        assert_eq!(log_out(&service, json!({"refresh_token": pasted})).await, ended(1), "{around}");
    }
    let whole = service.session(&user).await;
    assert_eq!(log_out(&service, json!({"refresh_token": whole})).await, ended(1));
}

#[tokio::test(start_paused = true)]
async fn an_access_token_in_the_header_ends_its_session_and_an_expired_one_no_other() {
    let service = service().await;
    let user = service.account("a@b.de").await;
    let log_out = async |token: &Value, body: Value| {
        service.request(axum::http::Method::POST, "/logout").bearer(token).json(body).await
    };
    let sessions = [service.session(&user).await, service.session(&user).await, service.session(&user).await];
    assert_eq!(log_out(&sessions[0]["access_token"], json!({})).await.is(200).body, ended(1));
    assert_eq!(service.calls(), ["UpdateItem"]);
    service.pass(Duration::from_millis(1));
    assert_eq!(log_out(&sessions[0]["access_token"], json!({"refresh_token": null})).await.is(200).body, ended(0));
    let all = json!({"everywhere": true});
    assert_eq!(log_out(&sessions[1]["access_token"], all.clone()).await.is(200).body, ended(2));
    assert_eq!(service.stored(&user).await.unwrap().epoch, 1);

    let user = service.stored(&user).await.unwrap();
    let (old, _other) = (service.session(&user).await, service.session(&user).await);
    service.pass(Duration::from_secs(2 * 3_600));
    assert_eq!(log_out(&old["access_token"], all.clone()).await.is(200).body, ended(1));
    assert_eq!(service.stored(&user).await.unwrap().epoch, 1);

    let text = old["access_token"].as_str().unwrap();
    for (token, words) in [
        (old["refresh_token"].clone(), "a refresh token"),
        (old["jwt_token"].clone(), "a Firebase custom token, where an access token"),
        (json!(format!("{}AAAA", &text[..text.len() - 4])), "signature is wrong"),
        (json!(text.rsplit_once('.').unwrap().0), "without its signature"),
        (json!("null"), "the text null"),
    ] {
        let answer = log_out(&token, all.clone()).await.refused(400, "invalid_request");
        assert_eq!(answer.fields(), [("Authorization", "wrong_token")]);
        assert!(answer.body["detail"].as_str().unwrap().contains(words), "{words}: {}", answer.body);
    }
}

#[tokio::test(start_paused = true)]
async fn a_form_can_say_everywhere() {
    let service = service().await;
    let user = service.account("a@b.de").await;
    let (token, _) = (session(&service, &user).await, session(&service, &user).await);
    let body = format!("refresh_token={}&everywhere=true", token.as_str().unwrap());
    assert_eq!(service.request(axum::http::Method::POST, "/logout").form(&body).await.is(200).body, ended(2));
}

#[tokio::test(start_paused = true)]
async fn what_is_missing_or_wrong_is_told_field_by_field() {
    let service = service().await;
    let body = json!({"everywhere": "perhaps"});
    let answer = service.post("/logout", body).await.refused(400, "invalid_request");
    assert_eq!(answer.fields(), [("refresh_token", "required"), ("everywhere", "invalid_type")]);
}

#[tokio::test(start_paused = true)]
async fn tidying_up_spares_a_session_that_began_after_the_others_were_ended() {
    let service = service().await;
    let user = service.account("a@b.de").await;
    session(&service, &user).await;
    let mut moved = user.clone();
    moved.end_sessions(service.now());
    service.app().store().change_user(&user, &moved).await.unwrap();
    session(&service, &service.stored(&user).await.unwrap()).await;
    assert_eq!(service.app().store().forget_sessions(&user, |_| true).await, 1);
    let left = service.app().store().sessions_of(&user.id).await.unwrap();
    assert_eq!(left.iter().map(|session| session.epoch).collect::<Vec<_>>(), [1]);
}

#[tokio::test(start_paused = true)]
async fn however_many_sessions_there_are_a_bounded_number_is_counted_and_all_are_dead() {
    let service = service().await;
    let user = service.account("a@b.de").await;
    let mut tokens = Vec::new();
    for _ in 0..210 {
        let new = service.new_session(&user);
        service.app().store().put_session(&new).await.unwrap();
        tokens.push(new);
    }
    let token = session(&service, &user).await;
    let body = log_out(&service, json!({"refresh_token": token, "everywhere": true})).await;
    assert!((200..=201).contains(&body["sessions_ended"].as_u64().unwrap()), "{body}");
    assert!(service.calls().len() <= 16, "round trips are bounded too");
    let user = service.stored(&user).await.unwrap();
    assert!(tokens.iter().all(|session| !session.is_live(&user, service.now())));
}

/// `POST /oauth/revoke`, which answers alike whatever the text was.
async fn revoke(service: &Service, token: &Value) {
    let answer = service.post("/oauth/revoke", json!({"token": token})).await.is(200);
    assert_eq!(answer.body, json!({}));
}

#[tokio::test(start_paused = true)]
async fn a_revoked_refresh_token_and_a_revoked_access_token_end_their_session_alone() {
    let service = service().await;
    let user = service.account("a@b.de").await;
    let (first, second, _third) =
        (service.session(&user).await, service.session(&user).await, service.session(&user).await);
    revoke(&service, &first["refresh_token"]).await;
    assert_eq!(service.calls(), ["UpdateItem"]);
    revoke(&service, &second["access_token"]).await;
    assert_eq!(service.app().store().sessions_of(&user.id).await.unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_text_that_is_no_token_is_revoked_like_one_and_a_missing_one_is_a_mistake() {
    let service = service().await;
    let user = service.account("a@b.de").await;
    let session = service.session(&user).await;
    revoke(&service, &session["refresh_token"]).await;
    service.calls();
    // The end of the same session in the same millisecond would be the same call, tried again.
    service.pass(Duration::from_millis(1));
    revoke(&service, &session["refresh_token"]).await;
    for text in ["x", "eyJhbGciOiJub25lIn0.e30.", &"A".repeat(43)] {
        revoke(&service, &json!(text)).await;
    }
    let form = format!("token={}&token_type_hint=refresh_token", session["refresh_token"].as_str().unwrap());
    let call = service.request(axum::http::Method::POST, "/oauth/revoke").header("authorization", "Basic YXBwOng=");
    call.form(&form).await.is(200);
    let answer = service.post("/oauth/revoke", json!({})).await.refused(400, "invalid_request");
    assert_eq!(answer.body["error"], "invalid_request");
}

#[tokio::test(start_paused = true)]
async fn the_owner_hears_of_a_logout_everywhere_and_of_no_other_one() {
    let service = service().await;
    let user = service.account("james@yopmail.com").await;
    let tokens = [session(&service, &user).await, session(&service, &user).await, session(&service, &user).await];
    log_out(&service, json!({"refresh_token": tokens[0]})).await;
    assert!(service.mails().await.is_empty());
    for token in &tokens[1..] {
        log_out(&service, json!({"refresh_token": token, "everywhere": true, "locale": "de-AT"})).await;
    }
    let mails = service.mails().await;
    let told: Vec<_> = mails.iter().map(|mail| (mail.kind, mail.to.as_str(), mail.language)).collect();
    assert_eq!(told, [(Kind::AccessRevoked, "james@yopmail.com", Language::German)]);
}

#[tokio::test(start_paused = true)]
async fn no_notice_is_written_where_mails_are_off_and_none_to_a_reserved_address() {
    for (email, variables) in [("james@yopmail.com", &[("MAIL", "off")][..]), ("james@example.com", &[])] {
        let service = Service::configured(logout::router(), variables).await;
        let user = service.account(email).await;
        let token = session(&service, &user).await;
        assert_eq!(log_out(&service, json!({"refresh_token": token, "everywhere": true})).await, ended(1));
        assert!(service.mails().await.is_empty(), "{email}");
    }
}
