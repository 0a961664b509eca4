//! The keys of version 0.1 go on working. Version 0.1 had the whole key set in one secret, without
//! generations and parts.

use super::*;

/// The key set as version 0.1 wrote it.
const OLD: &str = include_str!("../../../../shared/tests/keys/set-0.1.0.json");

/// The variables of a function that signs, of one that verifies, and of one that ends sessions.
const WHOLE: [(&str, &str); 2] = [("TOKEN_PROFILE", "access"), ("SIGNING_KEYS_SECRET_ID", SIGNING_KEYS_ID)];
const PUBLIC: (&str, &str) = ("PUBLIC_KEYS_SECRET_ID", PUBLIC_ID);
const REFRESH: (&str, &str) = ("REFRESH_KEYS_SECRET_ID", REFRESH_ID);

/// The document in force of a secret.
fn text(secrets: &SecretsManager, id: &str) -> String {
    secrets.with(|secrets| secrets.text(id, "AWSCURRENT").unwrap().to_owned())
}

/// A deployment with the secrets of version 0.1, and the new secrets that its upgrade makes.
fn upgraded() -> SecretsManager {
    let secrets = SecretsManager::new(Secrets::default());
    secrets.with(|secrets| {
        secrets.put(SIGNING_KEYS_ID, &"0".repeat(32), OLD);
        for id in [PUBLIC_ID, REFRESH_ID] {
            secrets.put(id, &"0".repeat(32), r#"{"keys":[]}"#);
        }
    });
    secrets
}

/// Reads a set as version 0.1 does, which ignores members that it does not know. Returns the ids of
/// the keys that sign last.
fn old_version_reads(text: &str) -> Vec<String> {
    #[derive(serde::Deserialize)]
    struct Set {
        keys: Vec<Record>,
    }
    #[derive(serde::Deserialize)]
    struct Record {
        kid: String,
        #[serde(flatten)]
        material: Material,
        created_at: i64,
        #[serde(default)]
        not_before: Option<i64>,
        #[serde(default)]
        retired_at: Option<i64>,
    }
    #[derive(serde::Deserialize)]
    #[serde(tag = "alg")]
    enum Material {
        #[serde(rename = "RS256")]
        Rsa { private_key: Option<String> },
        #[serde(rename = "HS256")]
        Hmac { secret: Option<String> },
    }
    let set: Set = serde_json::from_str(text).unwrap();
    let in_use = set.keys.into_iter().filter(|key| key.retired_at.is_none() && key.created_at > 0);
    let usable = in_use.filter(|key| match &key.material {
        Material::Rsa { private_key } => private_key.is_some(),
        Material::Hmac { secret } => secret.is_some(),
    });
    usable.filter(|key| key.not_before.is_some()).map(|key| key.kid).collect()
}

async fn rotate(process: &Service, secrets: &SecretsManager, number: usize) {
    let token = format!("{number:032}");
    assert!(secrets.with(|secrets| secrets.start_rotation(SIGNING_KEYS_ID, &token)));
    for step in Step::ALL {
        let event = Event { step, secret_id: SIGNING_KEYS_ID.to_owned(), client_request_token: token.clone() };
        rotate_keys::rotate(process.app().clone(), event).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_deployment_of_version_0_1_goes_on_with_three_documents_and_nobody_is_logged_out() {
    let secrets = upgraded();
    // An old process, and a new one that still reads the one document.
    let old = Service::deployed(latchkey::router(), &WHOLE, &secrets).await;
    let user = old.account("a@b.de").await;
    let session = old.session(&user).await;
    let upgrading = old.beside(verify_router(), &[WHOLE[1], PUBLIC], Some(&secrets)).await;
    upgrading.post("/verify", json!({"token": session["access_token"]})).await.is(200);
    // A part is empty until somebody writes it.
    let verifier = old.beside(verify_router(), &[PUBLIC], Some(&secrets)).await;
    verifier.post("/verify", json!({"token": session["access_token"]})).await.refused(503, "unavailable");

    let rotating = old.beside(latchkey::router(), &[WHOLE[0], WHOLE[1], PUBLIC, REFRESH], Some(&secrets)).await;
    rotate(&rotating, &secrets, 1).await;
    let everybody = [&old, &upgrading, &verifier, &rotating];
    for process in everybody {
        process.pass(Duration::from_secs(60));
        process.post("/verify", json!({"token": session["access_token"]})).await;
    }
    verifier.post("/verify", json!({"token": session["access_token"]})).await.is(200);
    // Version 0.1 reads the new document too: the next keys of its own set are due.
    let due = old_version_reads(&text(&secrets, SIGNING_KEYS_ID));
    assert!(due.len() == 2 && due.iter().all(|kid| OLD.contains(kid.as_str())), "{due:?}");
    // The old process reads the new document, and the new keys take over at both.
    for process in everybody {
        process.pass(Duration::from_secs(600));
    }
    let mut token = session["refresh_token"].clone();
    let mut kids = HashSet::from([kid(&session["access_token"])]);
    for process in [&old, &rotating, &old] {
        let answer = process.post("/refresh", json!({"refresh_token": token})).await.is(200).body;
        kids.insert(kid(&answer["access_token"]));
        for other in everybody {
            other.post("/verify", json!({"token": answer["access_token"]})).await.is(200);
        }
        token = answer["refresh_token"].clone();
    }
    assert_eq!(kids.len(), 2, "the next key of the old set signs, and no other");
    // A function with the keys of refresh tokens alone ends the session that an old key began.
    let ending = old.beside(logout::router(), &[REFRESH], Some(&secrets)).await;
    ending.pass(Duration::from_secs(660));
    assert_eq!(ending.post("/logout", json!({"refresh_token": token})).await.is(200).body["sessions_ended"], 1);
    old.post("/refresh", json!({"refresh_token": token})).await.refused(401, "refresh_token_invalid");

    let [whole, public, refresh] = [SIGNING_KEYS_ID, PUBLIC_ID, REFRESH_ID].map(|id| text(&secrets, id));
    assert!(whole.contains("PRIVATE KEY") && !public.contains("private") && !public.contains("secret\""));
    assert!(!refresh.contains("PRIVATE KEY") && refresh.contains("secret\""));
    let generations = [whole, public, refresh].map(|text| KeySet::parse(&text).unwrap().generation());
    assert_eq!(generations, [1; 3], "the old set counts as generation 0");
}

#[tokio::test(start_paused = true)]
async fn the_parts_can_be_written_without_a_rotation() {
    let secrets = upgraded();
    let old = Service::deployed(latchkey::router(), &WHOLE, &secrets).await;
    let user = old.account("a@b.de").await;
    let session = old.session(&user).await;
    let tool = old.beside(latchkey::router(), &[WHOLE[1], PUBLIC, REFRESH], Some(&secrets)).await;
    tool.app().keys().managed_set(SIGNING_KEYS_ID).unwrap().publish(tool.now()).await.unwrap();
    assert_eq!(text(&secrets, SIGNING_KEYS_ID), OLD, "the set itself is as it was");
    let verifier = old.beside(verify_router(), &[PUBLIC], Some(&secrets)).await;
    verifier.post("/verify", json!({"token": session["access_token"]})).await.is(200);
    let ending = old.beside(logout::router(), &[REFRESH], Some(&secrets)).await;
    assert_eq!(
        ending.post("/logout", json!({"refresh_token": session["refresh_token"]})).await.is(200).body["sessions_ended"],
        1
    );
}

#[tokio::test(start_paused = true)]
async fn the_set_names_its_parts_to_a_tool_that_knows_the_set_alone() {
    let secrets = upgraded();
    let rotating = Service::deployed(latchkey::router(), &[WHOLE[0], WHOLE[1], PUBLIC, REFRESH], &secrets).await;
    rotate(&rotating, &secrets, 1).await;
    let user = rotating.account("a@b.de").await;
    let session = rotating.session(&user).await;
    let verifier = rotating.beside(verify_router(), &[PUBLIC], Some(&secrets)).await;
    verifier.post("/verify", json!({"token": session["access_token"]})).await.is(200);
    // The tool has only SIGNING_KEYS_SECRET_ID.
    let tool = rotating.beside(latchkey::router(), &WHOLE, Some(&secrets)).await;
    let managed = tool.app().keys().managed_set(SIGNING_KEYS_ID).unwrap();
    let (mut set, version) = managed.current().await.unwrap();
    let times = tool.app().config().key_lifetimes();
    set.revoke(&kid(&session["access_token"]), tool.now(), &times, NewKeys::generate().unwrap()).unwrap();
    managed.replace(version.as_ref(), &set, tool.now()).await.unwrap();
    verifier.pass(Duration::from_secs(60));
    verifier.post("/verify", json!({"token": session["access_token"]})).await.refused(401, "token_invalid");
}
