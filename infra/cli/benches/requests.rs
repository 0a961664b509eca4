//! Times whole requests beside the work that they need at least, in one run. At a ratio of 1 there
//! is nothing left to win.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a benchmark that cannot go on stops")]
#![expect(clippy::print_stdout, reason = "the figures are its result")]
#![expect(clippy::disallowed_methods, reason = "it measures time")]

use std::time::{Duration, Instant};

use serde_json::json;
use shared::{
    jose::jwt::Jwt,
    keys::{KeyRing, service_account::ServiceAccount},
    password::Password,
    testing::{PASSWORD, Service, service_account, signing_keys},
    token::custom::CustomToken,
};

const ROUNDS: u32 = 60;

/// The median time of many runs.
async fn median<F: Future<Output = ()>>(mut work: impl FnMut() -> F) -> Duration {
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let began = Instant::now();
        work().await;
        times.push(began.elapsed());
    }
    times.sort();
    times[times.len() / 2]
}

fn report(request: &str, whole: Duration, bare: &str, part: Duration) {
    let ratio = whole.as_secs_f64() / part.as_secs_f64();
    println!("{request:10} {:8.3} ms   {bare:38} {:8.3} ms   ratio {ratio:.2}", ms(whole), ms(part));
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn main() {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(run());
}

async fn run() {
    let service = Service::new(latchkey::router()).await;
    let user = service.account("a@b.de").await;
    let session = service.session(&user).await;
    let hash = user.password_hash.clone();
    let ring = KeyRing::parse(signing_keys()).unwrap();
    let account = ServiceAccount::parse(service_account()).unwrap();
    let token = session["access_token"].as_str().unwrap();
    let (service, ring, account, hash) = (&service, &ring, &account, &hash);

    let credentials = json!({"email": "a@b.de", "password": PASSWORD});
    let login = median(|| async {
        service.post("/login", credentials.clone()).await.is(200);
    })
    .await;
    let check = median(|| async {
        let password = Password::parse(PASSWORD).unwrap();
        assert!(service.app().hasher().check(password, hash.clone()).await.unwrap().verdict.is_right());
    })
    .await;
    report("/login", login, "one argon2id hash", check);

    let refresh_token = json!({"refresh_token": session["refresh_token"]});
    let refresh = median(|| async {
        service.post("/refresh", refresh_token.clone()).await.is(200);
    })
    .await;
    let signatures = median(|| async {
        let now = service.now();
        ring.signing(now).unwrap().key.sign(b"message").unwrap();
        let request = CustomToken { uid: &user.id, claims: None, tenant_id: None, life: Duration::from_secs(3_600) };
        account.custom_token(&request, now).await.unwrap();
    })
    .await;
    report("/refresh", refresh, "two RS256 signatures and a self-check", signatures);

    let body = json!({"token": token});
    let verify = median(|| async {
        service.post("/verify", body.clone()).await.is(200);
    })
    .await;
    let parsed = Jwt::parse(token).unwrap();
    let key = ring.signing(service.now()).unwrap().key.public();
    let signature = median(|| async { assert!(parsed.is_signed_by(key)) }).await;
    report("/verify", verify, "one RS256 verification", signature);
}
