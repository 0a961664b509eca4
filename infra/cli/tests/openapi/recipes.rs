//! Every call of the guides for builders is sent to the routers as the guide writes it, with values
//! in the places of its variables.

use axum::http::Method;
use regex_lite::Regex;
use serde_json::{Map, Value, json};
use shared::{
    http::api::{Endpoint, operation::Identity},
    testing::{Google, PROJECT, Reply, Service, certificate, code_of, id_token_claims},
    time::Timestamp,
};

use super::{
    document::URL,
    guides::{curl_lines, guide, guides},
};

const API_KEY: &str = "an API key that only this test knows";
const PASSWORD: &str = "correct horse battery staple";
/// The id of the key that signs the tokens of Firebase users.
const KID: &str = "0e5a1c";

/// The body of a call, with names of variables in it.
enum Body {
    /// A JSON text, such as `{"email": <email>}` or `{"email": "<email>"}`.
    Written(String),
    /// The names of its fields.
    Fields(Vec<String>),
}

/// A call of a guide.
struct Recipe {
    endpoint: Endpoint,
    body: Body,
}

/// The calls of a guide, in its order. A call begins with a URL, and its bodies follow. A URL
/// without a body is left to the line of curl that has one.
fn recipes(name: &str) -> Vec<Recipe> {
    let (text, curl) = (guide(name), curl_lines(name));
    let urls = Regex::new(&format!("(?:(GET|POST|PATCH|DELETE)`? )?`?{URL}(/[a-z./0-9-]*[a-z])")).unwrap();
    let starts: Vec<_> = urls.captures_iter(&text).collect();
    let ends = starts.iter().skip(1).map(|found| found.get(0).unwrap().start()).chain([text.len()]);
    let mut recipes = Vec::new();
    for (found, end) in starts.iter().zip(ends) {
        let Some(endpoint) = endpoint(found.get(1).map(|method| method.as_str()), &found[2]) else { continue };
        // A paragraph that ends a chapter is about something else.
        let segment = text[found.get(0).unwrap().end()..end].split("\n## ").next().unwrap_or_default();
        let segment = segment.strip_prefix('`').unwrap_or(segment);
        let bodies = bodies(segment, &endpoint);
        let is_bare = bodies.iter().all(|body| matches!(body, Body::Fields(names) if names.is_empty()));
        if is_bare && endpoint.operation.body.is_some() && curl.iter().any(|line| line.contains(endpoint.path)) {
            continue;
        }
        recipes.extend(bodies.into_iter().map(|body| Recipe { endpoint: copy(&endpoint), body }));
    }
    recipes
}

fn endpoint(method: Option<&str>, path: &str) -> Option<Endpoint> {
    let api = latchkey::api();
    let is_it = |endpoint: &&Endpoint| {
        endpoint.path == path && method.map_or(endpoint.method == "POST", |method| method == endpoint.method)
    };
    api.endpoints().iter().find(is_it).map(copy)
}

fn copy(Endpoint { method, path, operation }: &Endpoint) -> Endpoint {
    Endpoint { method, path, operation: operation.clone() }
}

fn bodies(segment: &str, endpoint: &Endpoint) -> Vec<Body> {
    let json = Regex::new(r#"\{"(?:[^{}`]|\{[^{}`]*\})*\}"#).unwrap();
    let written: Vec<Body> = json.find_iter(segment).map(|found| Body::Written(found.as_str().to_owned())).collect();
    let Some(describe) = endpoint.operation.body.filter(|_| written.is_empty()) else {
        let is_bare = written.is_empty().then_some(Body::Fields(Vec::new()));
        return written.into_iter().chain(is_bare).collect();
    };
    let fields = describe();
    let sentence = segment.split("\n\n").next().unwrap_or_default().split("\n- ").next().unwrap_or_default();
    let names = sentence.split('`').skip(1).step_by(2);
    let named = names.filter(|name| fields.iter().any(|field| field.name == *name)).map(str::to_owned);
    vec![Body::Fields(named.collect())]
}

/// The values of the variables, for somebody with this session and the challenge of a mailed code.
fn value(name: &str, now: Timestamp, email: &str, session: &Value, challenge: &Value) -> Value {
    match name {
        "challenge" => challenge.clone(),
        "code" => code_of(challenge).into(),
        "email" => email.into(),
        "password" | "current_password" => PASSWORD.into(),
        "new_password" => "violet tractor 47 umbrella".into(),
        "refresh_token" => session["refresh_token"].clone(),
        "token" => session["access_token"].clone(),
        "id_token" => signed_in("native-uid", &format!("native.{email}"), true, now),
        "minutes" => 60.into(),
        "metadata" => json!({"phone": "1"}),
        "name" | "phone" | "user_id" => format!("a \"{name}\"\\").into(),
        _ => panic!("the guide has the variable {name}, and nobody gave it a value here"),
    }
}

/// The ID token of a Firebase user who signed in with Google.
fn signed_in(uid: &str, email: &str, is_proven: bool, now: Timestamp) -> Value {
    let mut claims = id_token_claims(uid, now);
    claims["firebase"]["sign_in_provider"] = "google.com".into();
    claims["email"] = email.into();
    claims["email_verified"] = is_proven.into();
    certificate(0).id_token(KID, &claims)
}

/// The body with values, as the builder's tool writes it: a text is quoted and escaped once.
fn filled(body: &Body, value: impl Fn(&str) -> Value) -> Value {
    match body {
        Body::Fields(names) => {
            Value::Object(names.iter().map(|name| (name.clone(), value(name))).collect::<Map<_, _>>())
        }
        Body::Written(text) => {
            let variables = Regex::new(r#""?<([a-z_]+)>"?"#).unwrap();
            let text = variables.replace_all(text, |found: &regex_lite::Captures<'_>| value(&found[1]).to_string());
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
        }
    }
}

/// A deployment with everything that a guide needs, and the endpoint of Firebase's keys.
async fn deployment() -> (Service, Google) {
    let google = Google::start(Reply::jwk_set(&[(0, KID)])).await;
    let url = google.url();
    let secret = "a shared secret of more than 32 bytes";
    let variables = [
        ("API_KEY", API_KEY),
        ("JWT_SHARED_SECRET", secret),
        ("TOKEN_PROFILE", "access"),
        ("RATE_LIMITS", "off"),
        ("EMAIL_SIGN_IN", "existing"),
        ("IDENTITY_PROVIDERS", r#"[{"id": "firebase"}]"#),
        ("FIREBASE_PROJECT_ID", PROJECT),
        ("FIREBASE_CERTS_URL", url.as_str()),
    ];
    (Service::configured(latchkey::router(), &variables).await, google)
}

/// Sends the calls of a guide, each with an account of its own. Returns the operations.
async fn follow(name: &str) -> Vec<&'static str> {
    let (service, _google) = deployment().await;
    let mut followed = Vec::new();
    for (index, Recipe { endpoint, body }) in recipes(name).iter().enumerate() {
        let operation = &endpoint.operation;
        let owner = format!("owner-{index}@yopmail.com");
        let session = service.session(&service.account(&owner).await).await;
        let email = if operation.id == "createAccount" { format!("new-{index}@yopmail.com") } else { owner };
        let challenge = match operation.id {
            "resetPassword" => {
                service.post("/password/forgot", json!({"email": email})).await.is(200).body["challenge"].clone()
            }
            "completeExchange" => confirmation(&service, &email).await,
            "loginByCode" => {
                service.post("/login/email", json!({"email": email})).await.is(200).body["challenge"].clone()
            }
            _ => Value::Null,
        };
        let mut body = filled(body, |name| value(name, service.now(), &email, &session, &challenge));
        // "The same request" has the fields of the earlier one.
        if operation.id == "createAccount" && body.get("email").is_none() {
            body["email"] = email.into();
            body["password"] = PASSWORD.into();
        }
        let mut call = service.request(Method::from_bytes(endpoint.method.as_bytes()).unwrap(), endpoint.path);
        call = match operation.identity {
            Identity::Bearer => call.bearer(&session["access_token"]),
            Identity::ApiKey => call.header("x-api-key", API_KEY),
            Identity::Anybody | Identity::BearerOrField | Identity::AdminKey => call,
        };
        let answer = call.json(body.clone()).await;
        assert!(answer.status.is_success(), "{name}: {} with {body}: {:#}", operation.id, answer.body);
        followed.push(operation.id);
    }
    followed
}

/// The challenge after a sign-in whose provider does not prove the address of an account.
async fn confirmation(service: &Service, email: &str) -> Value {
    let id_token = signed_in("unproven-uid", email, false, service.now());
    let refused = service.post("/exchange", json!({"provider": "firebase", "id_token": id_token})).await;
    refused.refused(409, "email_confirmation_needed").body["next"]["challenge"].clone()
}

/// A test for each guide, with the operations that it calls. A guide that is missing here fails
/// the last test.
macro_rules! recipes {
    ($($test:ident: $guide:literal calls [$($operation:literal),*];)*) => {
        $(
            #[tokio::test(start_paused = true)]
            async fn $test() {
                let expected: &[&str] = &[$($operation),*];
                assert_eq!(follow($guide).await, expected);
            }
        )*

        #[test]
        fn the_calls_of_every_guide_are_followed() {
            let mut followed = [$($guide),*];
            followed.sort_unstable();
            assert_eq!(guides(), followed);
        }
    };
}

recipes! {
    adalo_works_as_it_is_written: "adalo.md" calls [
        "createAccount", "login", "refresh", "logout", "forgotPassword", "resetPassword"
    ];
    bubble_works_as_it_is_written: "bubble.md" calls [
        "login", "createAccount", "refresh", "logout", "me", "changePassword", "updateMe", "deleteAccount",
        "loginByCode", "encodeToken", "verifyToken"
    ];
    flutterflow_works_as_it_is_written: "flutterflow.md" calls [
        "login", "createAccount", "createAccount", "loginByCode", "forgotPassword", "resetPassword", "askForLoginCode",
        "loginByCode", "exchange", "completeExchange", "refresh",
        "logout", "updateMe", "changePassword", "deleteAccount"
    ];
    make_works_as_it_is_written: "make.md" calls ["createAccount", "login", "me", "logout", "refresh"];
    moving_calls_nothing: "moving.md" calls [];
    n8n_works_as_it_is_written: "n8n.md" calls [];
    oauth_works_as_it_is_written: "oauth.md" calls [];
    others_work_as_they_are_written: "others.md" calls ["createAccount", "login", "me", "refresh", "logout"];
    retool_works_as_it_is_written: "retool.md" calls ["createAccount", "login", "me", "userInfo", "refresh", "logout"];
    softr_works_as_it_is_written: "softr.md" calls ["createAccount", "login", "me", "refresh", "logout"];
    supabase_works_as_it_is_written: "supabase.md" calls ["forgotPassword"];
    tunnel_calls_nothing: "tunnel.md" calls [];
    weweb_works_as_it_is_written: "weweb.md" calls [
        "login", "createAccount", "loginByCode", "refresh", "me", "changePassword", "updateMe", "deleteAccount",
        "logout"
    ];
    zapier_works_as_it_is_written: "zapier.md" calls [
        "createAccount", "login", "userInfo", "logout", "login", "userInfo"
    ];
}

#[tokio::test(start_paused = true)]
async fn initializing_a_sign_up_by_the_dry_run_of_the_guides_makes_no_account() {
    assert!(guide("bubble.md").contains("key `X-Dry-Run`, value `true`"));
    let (service, _google) = deployment().await;
    let recipes = recipes("bubble.md");
    let sign_up = recipes.iter().find(|recipe| recipe.endpoint.operation.id == "createAccount").unwrap();
    let body =
        filled(&sign_up.body, |name| value(name, service.now(), "nobody@yopmail.com", &Value::Null, &Value::Null));
    let sent = async |body: &Value| {
        let call = service.request(Method::POST, "/create-account").header("x-dry-run", "true");
        call.json(body.clone()).await
    };
    let example = sent(&body).await.is(201).body;
    let login = json!({"email": "nobody@yopmail.com", "password": PASSWORD});
    service.post("/login", login.clone()).await.refused(401, "invalid_credentials");

    // The builder reads the types of the example. A real answer must have the same.
    service.post("/create-account", body.clone()).await.is(201);
    let real = service.post("/login", login).await.is(200).body;
    assert_eq!(types(&example), types(&real));
    let weak = json!({"email": "nobody@yopmail.com", "password": "x"});
    sent(&weak).await.refused(400, "weak_password");
}

/// The paths of a JSON text, each with the type of its value. Metadata is the app's own.
fn types(body: &Value) -> Vec<String> {
    fn walk(path: &str, value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(members) if !path.ends_with("metadata") => {
                members.iter().for_each(|(name, member)| walk(&format!("{path}.{name}"), member, found));
            }
            Value::Null => found.push(format!("{path}: null")),
            Value::Bool(_) => found.push(format!("{path}: bool")),
            Value::Number(_) => found.push(format!("{path}: number")),
            Value::String(_) => found.push(format!("{path}: text")),
            Value::Object(_) | Value::Array(_) => found.push(format!("{path}: nested")),
        }
    }
    let mut found = Vec::new();
    walk("$", body, &mut found);
    found.sort();
    found
}
