//! A revocation with the times that a deployment has if it configures none.

use std::sync::Arc;

use super::{
    revocation::{Keys, Known, Question},
    times::DEFAULT,
    traffic::{Traffic, WAYS},
};
use crate::{
    clock,
    deployment::{Deployment, Way},
    http::Request,
    latchkey::SigningKeys,
};

/// The longest time until every process applies a revocation, in seconds.
pub const SECONDS_MAX: f64 = 60.0;
const PAUSE_MS: i64 = 250;

/// Revokes the key that signs, while one function is left alone.
pub async fn revoke(deployment: &Arc<Deployment>) {
    let traffic = &Traffic::new(deployment.clone());
    let (account, session) = &traffic.new_account().await;
    for way in WAYS {
        traffic.login(way, account).await;
        assert_eq!(traffic.verdict(&session.access_token, way).await, "accepted");
    }
    let kid = &session.kid();
    // Nobody calls the function well-known from here on, until its keys reach their maximum age.
    assert!(is_published(traffic, Way::Url, kid).await);
    let fresh = clock::now();

    let keys = SigningKeys::new(deployment.variables().clone());
    let found = Keys::find(&keys).await;
    let next_kid = &found.next_kid.clone();
    let mut questions = Vec::new();
    for way in WAYS {
        let name = way.name();
        questions.push(Question::new(format!("{name}: its tokens are refused"), move || async move {
            (traffic.verdict(&session.access_token, way).await == "token_invalid").into()
        }));
        questions.push(Question::new(format!("{name}: a login is signed by the next"), move || async move {
            traffic.login(way, account).await.is_some_and(|made| made.kid() == *next_kid).into()
        }));
    }
    questions.push(Question::new("serve: it is not published".to_owned(), move || async move {
        (!is_published(traffic, Way::Serve, kid).await).into()
    }));
    questions.push(Question::new("url, left alone: it is not published".to_owned(), move || async move {
        clock::sleep_until(fresh + DEFAULT.ring_age_ms()).await;
        if is_published(traffic, Way::Url, kid).await { Known::NotYet } else { Known::Since(clock::now()) }
    }));
    let revocation = found.revoke(&keys, &DEFAULT, PAUSE_MS, questions, |_| {}).await;
    assert_eq!(revocation.kid, *kid);
    println!();
    for (name, seconds) in &revocation.seconds {
        println!("{name} after {seconds:.1} s");
        assert!(*seconds <= SECONDS_MAX, "{name} after {seconds} s");
    }
    assert_eq!(traffic.failures(), Vec::<String>::new());
}

async fn is_published(traffic: &Traffic, way: Way, kid: &str) -> bool {
    let answer = traffic.succeed(way, "well-known", Request::get("/.well-known/jwks.json")).await;
    let (answer, ..) = answer.unwrap_or_else(|| panic!("no key set: {:?}", traffic.failures()));
    answer.body["keys"].as_array().expect("keys").iter().any(|key| key["kid"] == kid)
}
