//! The decoder and the verifier agree: whatever `/verify` refuses, `/jwt/decode` and `latchkey
//! token inspect` explain with the same rule.

use std::{fs, path::Path, process::Command, thread};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use shared::{
    error::PLACEHOLDER,
    jose::{jwt::Jwt, kind::CUSTOM_TOKEN_AUDIENCE},
    keys::KeyRing,
    testing::{
        Answer, Google, ISSUER, PROJECT, Reply, Service, certificate, id_token_claims, id_token_header,
        service_account, signing_keys,
    },
};
use tempfile::TempDir;

use super::{SECRET, decode, verify};

const KID: &str = "0e5a1c";

/// The fewest tokens of the corpus without Wycheproof's, which are beside the repository.
const TOKENS_MIN: usize = 150;

/// A token of these parts with the service's own signature.
fn signed_here(header: &Value, claims: &Value) -> String {
    let ring = KeyRing::parse(signing_keys()).unwrap();
    let key = &ring.signing(shared::time::Timestamp::from_seconds(1_800_000_000)).unwrap().key;
    let text = format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims.to_string()));
    let signature = URL_SAFE_NO_PAD.encode(key.sign(text.as_bytes()).unwrap());
    format!("{text}.{signature}")
}

fn signed_by_secret(header: &Value, claims: &Value) -> String {
    let text = format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims.to_string()));
    let secret = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, SECRET.as_bytes());
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(aws_lc_rs::hmac::sign(&secret, text.as_bytes())))
}

fn signed_by_google(header: &Value, claims: &Value) -> String {
    certificate(0).sign(header, claims)
}

/// The ways to break the members of an object: each is missing, or of another value.
fn broken(object: &Value, others: &[(&str, Value)]) -> Vec<Value> {
    let without = object.as_object().unwrap().keys().map(|name| {
        let mut changed = object.clone();
        changed.as_object_mut().unwrap().remove(name);
        changed
    });
    let changed = others.iter().map(|(name, value)| {
        let mut changed = object.clone();
        changed[*name] = value.clone();
        changed
    });
    without.chain(changed).collect()
}

type Sign = fn(&Value, &Value) -> String;

/// The tokens of one kind: good, with each part broken, cut off, unsigned and signed by another
/// key.
fn of_kind(header: &Value, claims: &Value, now: i64, sign: Sign) -> Vec<String> {
    let headers = [
        ("alg", json!("none")),
        ("alg", json!("RS512")),
        ("alg", json!("HS256")),
        ("kid", json!("other")),
        ("kid", json!(7)),
        ("crit", json!(["exp"])),
        ("typ", json!("at+jwt")),
    ];
    let values = [
        ("aud", json!("another-project")),
        ("aud", json!("123456789012")),
        ("aud", json!("1:123456789012:web:0a1b")),
        ("aud", json!("123-a.apps.googleusercontent.com")),
        ("aud", json!([PROJECT])),
        ("aud", json!(CUSTOM_TOKEN_AUDIENCE)),
        ("iss", json!("https://securetoken.google.com/other")),
        ("iss", json!("https://session.firebase.google.com/demo-latchkey")),
        ("iss", json!("https://accounts.google.com")),
        ("iss", json!("https://appleid.apple.com")),
        ("iss", json!("https://x.eu.auth0.com/")),
        ("iss", json!("https://x.supabase.co/auth/v1")),
        ("iss", json!("https://cognito-idp.eu-west-1.amazonaws.com/x")),
        ("sub", json!("")),
        ("sub", json!(7)),
        ("exp", json!(now - 3_600)),
        ("exp", json!(now * 1_000)),
        ("exp", json!(now.to_string())),
        ("exp", json!(now as f64 + 0.5)),
        ("iat", json!(now + 3_600)),
        ("iat", json!(null)),
        ("auth_time", json!(now + 3_600)),
        ("nbf", json!(now + 3_600)),
        ("firebase", json!({"sign_in_provider": "custom", "tenant": "t"})),
        ("uid", json!(7)),
        ("claims", json!({"sub": 1, "email": "a@b.de"})),
    ];
    let good = sign(header, claims);
    let input = good.rsplit_once('.').unwrap().0;
    let mut tokens =
        vec![format!("{input}."), input.to_owned(), format!("{input}.AAAA"), good[..good.len() / 2].to_owned()];
    tokens.extend(broken(header, &headers).iter().map(|header| sign(header, claims)));
    tokens.extend(broken(claims, &values).iter().map(|claims| sign(header, claims)));
    tokens.push(certificate(2).sign(header, claims));
    tokens.push(good);
    tokens
}

/// The tokens of Wycheproof, which lie beside the repository on some machines.
fn wycheproof() -> Vec<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/wycheproof/json_web_signature_test.json");
    let Ok(text) = fs::read_to_string(file) else { return Vec::new() };
    let file: Value = serde_json::from_str(&text).unwrap();
    let groups = file["testGroups"].as_array().unwrap().iter();
    groups
        .flat_map(|group| group["tests"].as_array().unwrap())
        .filter_map(|test| test["jws"].as_str().map(str::to_owned))
        .collect()
}

async fn corpus(service: &Service) -> Vec<String> {
    let now = service.now().seconds();
    let session = service.session(&service.account("a@b.de").await).await;
    let access = Jwt::parse(session["access_token"].as_str().unwrap()).unwrap();
    let email = "latchkey@demo-latchkey.iam.gserviceaccount.com";
    let custom = json!({
        "iss": email, "sub": email, "aud": CUSTOM_TOKEN_AUDIENCE, "iat": now, "exp": now + 600, "uid": "u", "claims": {"a": 1},
    });
    let by_secret = json!({"user_id": "7", "iat": now, "exp": now + 600, "email": "a@b.de"});
    let mut tokens = wycheproof();
    tokens.extend(of_kind(&id_token_header(KID), &id_token_claims("u", service.now()), now, signed_by_google));
    tokens.extend(of_kind(&Value::Object(access.header().clone()), &Value::Object(access.claims), now, signed_here));
    tokens.extend(of_kind(&json!({"alg": "RS256", "typ": "JWT"}), &custom, now, signed_by_google));
    tokens.extend(of_kind(&json!({"alg": "HS256", "typ": "JWT"}), &by_secret, now, signed_by_secret));
    tokens.extend(["", "null", "<token>", "a.b", "a.b.c", "e30.e30.e30"].map(str::to_owned));
    tokens
        .extend(["refresh_token", "jwt_token", "access_token"].map(|name| session[name].as_str().unwrap().to_owned()));
    tokens.push(session.to_string());
    // One refresh token in 64 begins with a hyphen, as an option of the tool does.
    tokens.push("-OZSHBmA-zCmjsNmmJxnsQjZkk2ISuIyqz6GTMOgnMQ".to_owned());
    tokens
}

struct Deployment {
    service: Service,
    folder: TempDir,
    variables: Vec<(&'static str, String)>,
    _google: Google,
}

impl Deployment {
    async fn new(more: &[(&'static str, &str)]) -> Self {
        let google = Google::start(Reply::certificates(&[(0, KID)])).await;
        let mut variables = vec![
            ("FIREBASE_CERTS_URL", google.url()),
            ("FIREBASE_SERVICE_ACCOUNT", service_account().to_owned()),
            ("JWT_SHARED_SECRET", SECRET.to_owned()),
        ];
        variables.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
        let borrowed: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let service = Service::configured(latchkey::router(), &borrowed).await;
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("signing-keys.json"), signing_keys()).unwrap();
        Self { service, folder, variables, _google: google }
    }

    /// The outcome of `latchkey token inspect` for each token. Every processor has a process.
    fn inspect_all(&self, tokens: &[String]) -> Vec<Inspected> {
        let processes = thread::available_parallelism().map_or(1, Into::into);
        let chunks = tokens.chunks(tokens.len().div_ceil(processes));
        thread::scope(|scope| {
            let threads: Vec<_> = chunks
                .map(|chunk| scope.spawn(|| chunk.iter().map(|token| self.inspect(token)).collect::<Vec<_>>()))
                .collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        })
    }

    fn inspect(&self, token: &str) -> Inspected {
        let mut process = Command::new(env!("CARGO_BIN_EXE_latchkey"));
        process.args(["token", "inspect", "--json", token]).env_clear();
        process.env("DATA_DIR", self.folder.path()).env("ISSUER", ISSUER);
        let output = process.envs(self.variables.iter().map(|(name, value)| (name, value))).output().unwrap();
        Inspected {
            code: output.status.code().unwrap(),
            json: serde_json::from_slice(&output.stdout).unwrap_or_default(),
            errors: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// The exit code of `latchkey token inspect --json`, its answer, and standard error.
struct Inspected {
    code: i32,
    json: Value,
    errors: String,
}

impl Inspected {
    /// Fails unless the tool says what the endpoints say of this token.
    fn assert_agrees(&self, token: &str, verified: &Answer, decoded: &Answer) {
        let Self { code, json, errors } = self;
        let detail = verified.body["detail"].as_str().unwrap_or_default();
        let reason = json["reason"].as_str().unwrap_or_default();
        if token.trim().is_empty() {
            assert!(*code == 2 && errors.contains("Give the token"), "{errors}");
        } else if decoded.status == 400 {
            assert!(*code == 1 && errors.contains(detail), "{token}: {errors}");
        } else if json["kind"] == "firebase_custom_token" {
            // A custom token is for Firebase, and never for /verify.
            let told = decoded.body["problems"].as_array().unwrap().iter().any(|problem| problem["message"] == reason);
            assert!(told || (*code == 0 && json["verdict"] == "good"), "{token}: {json} {}", decoded.body);
        } else if verified.status == 200 {
            assert_eq!((*code, &json["verdict"]), (0, &json!("good")), "{token}: {json}");
        } else {
            assert!(*code == 1 && reason.starts_with(detail), "{token}: {detail:?} {json}");
        }
    }
}

/// Whether a decode report has no reason to refuse the token. Within the clock skew the decoder
/// calls a token expired that still passes.
fn is_accepted(report: &Value) -> bool {
    report["problems"].as_array().unwrap().iter().all(|problem| problem["code"] == "expired")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_verify_refuses_the_decoder_and_the_tool_explain_with_the_same_rule() {
    let deployment = Deployment::new(&[]).await;
    let service = &deployment.service;
    let corpus = corpus(service).await;
    assert!(corpus.len() >= TOKENS_MIN, "{}", corpus.len());
    let (mut refused, mut accepted, mut malformed) = (0, 0, 0);
    let inspected = deployment.inspect_all(&corpus);
    assert_eq!(inspected.len(), corpus.len());
    for (token, inspected) in corpus.iter().zip(inspected) {
        let (verified, decoded) = (verify(service, token).await, decode(service, token).await);
        let detail = verified.body["detail"].as_str().unwrap_or_default();
        if decoded.status == 400 {
            malformed += 1;
            assert_eq!(verified.status, if verified.body["code"] == PLACEHOLDER { 400 } else { 401 }, "{token}");
            assert_eq!(decoded.body["detail"], detail, "{token}");
        } else if verified.status == 200 {
            accepted += 1;
            assert!(is_accepted(&decoded.body), "{token}: {}", decoded.body);
        } else {
            refused += 1;
            assert_eq!(decoded.body["problems"][0]["message"], detail, "{token}: {}", decoded.body);
        }
        inspected.assert_agrees(token, &verified, &decoded);
    }
    println!("{} tokens: {accepted} accepted, {refused} refused, {malformed} no token", corpus.len());
    assert!(accepted > 3 && refused > 100 && malformed > 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unverified_address_and_emulator_mode_are_explained_too() {
    for more in [[("REQUIRE_VERIFIED_EMAIL", "true")], [("FIREBASE_AUTH_EMULATOR_HOST", "127.0.0.1:9099")]] {
        let deployment = Deployment::new(&more).await;
        let service = &deployment.service;
        for token in corpus(service).await {
            let (verified, decoded) = (verify(service, &token).await, decode(service, &token).await);
            let detail = &verified.body["detail"];
            match (verified.status.as_u16(), decoded.status.as_u16()) {
                (200, _) => assert!(is_accepted(&decoded.body), "{token}: {}", decoded.body),
                (400 | 401, 400) => assert_eq!(&decoded.body["detail"], detail, "{token}"),
                // The verifier asks the table about a Firebase user without an address.
                (403, _) if decoded.body["email"] == "" => {}
                (403, _) => assert_eq!(decoded.body["problems"][0]["code"], "email_not_verified", "{token}"),
                _ => assert_eq!(&decoded.body["problems"][0]["message"], detail, "{token}: {}", decoded.body),
            }
        }
    }
}
