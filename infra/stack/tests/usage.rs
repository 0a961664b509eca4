//! Runs the functions and records their calls to AWS. The template allows all of these calls, and
//! none that no function makes.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead, BufReader, Write},
    net::{IpAddr, TcpListener},
    sync::{Arc, Mutex},
    thread,
};

use aws_sdk_dynamodb::{
    Client,
    config::{ConfigBag, Intercept, RuntimeComponents, interceptors::BeforeTransmitInterceptorContextRef},
    error::BoxError,
};
use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Method, Request},
};
use mailer::transport::Transport;
use serde_json::{Value, json};
use shared::{
    App,
    account::{
        email::{Email, Identifier},
        event::EventTypes,
        identity::Identity,
        proof::ProofId,
        user::User,
    },
    config::Config,
    http::{client_ip::PeerAddr, contract},
    keys::{Event, KeySet, Keys, Part, ProofKeys, Step},
    mail::{Kind, Language, outgoing::OutgoingMail},
    password::StoredHash,
    store::{
        ExchangeEffect, Exchanged, Store,
        embedded::{Embedded, create_table},
    },
    testing::{Secrets, SecretsManager, service_account, signing_keys},
    time::Timestamp,
};
use tower::ServiceExt;

use super::{
    document::{entries, read},
    policies::{Permission, granted},
};

const PASSWORD: &str = "correct horse battery staple";
const NEXT_PASSWORD: &str = "violet tractor 47 umbrella";
const LAST_PASSWORD: &str = "purple kettle 12 mountain";

/// An action, the resource, and the first part of the record's key; a query has no key.
type Use = (String, String, String);

/// The first part of a record's key, and an attribute that an update of the record names.
type Attribute = (String, String);

/// A function on its own connection to the table, and the calls that it made.
struct Function {
    name: &'static str,
    router: Router,
    uses: Uses,
    /// The address of the caller.
    address: IpAddr,
    secrets: SecretsManager,
}

#[derive(Clone, Debug, Default)]
struct Uses(Arc<Mutex<Used>>);

/// The uses of the table, and the attributes that transactions update.
#[derive(Clone, Debug, Default)]
struct Used {
    uses: BTreeSet<Use>,
    attributes: BTreeSet<Attribute>,
}

impl Intercept for Uses {
    fn name(&self) -> &'static str {
        "Uses"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request();
        let target = request.headers().get("x-amz-target").unwrap();
        let body = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
        let mut used = self.0.lock().unwrap();
        used.uses.extend(uses(target.rsplit('.').next().unwrap(), &body));
        used.attributes.extend(attributes(&body));
        Ok(())
    }
}

/// The permissions that a call needs. A transaction needs one for each of its writes; any other
/// call needs its own.
fn uses(operation: &str, body: &Value) -> Vec<Use> {
    let used = |action: &str, record: &Value| {
        let key = record["pk"]["S"].as_str().unwrap();
        let (kind, _) = key.split_once('#').unwrap();
        (format!("dynamodb:{action}"), "Table.Arn".to_owned(), format!("{kind}#*"))
    };
    let tables = || body["RequestItems"].as_object().unwrap().values();
    match operation {
        "BatchGetItem" => {
            tables().flat_map(|of| of["Keys"].as_array().unwrap()).map(|key| used(operation, key)).collect()
        }
        "BatchWriteItem" => {
            let writes = tables().flat_map(|of| of.as_array().unwrap());
            writes.map(|write| used(operation, &write["DeleteRequest"]["Key"])).collect()
        }
        "TransactWriteItems" => {
            let writes = body["TransactItems"].as_array().unwrap().iter().flat_map(|write| write.as_object().unwrap());
            let write = |(kind, write): (&String, &Value)| {
                used(&format!("{kind}Item"), write.get("Item").unwrap_or(&write["Key"]))
            };
            writes.map(write).collect()
        }
        "Query" => {
            let index = format!("${{Table.Arn}}/index/{}", body["IndexName"].as_str().unwrap());
            vec![("dynamodb:Query".to_owned(), index, String::new())]
        }
        _ => vec![used(operation, body.get("Item").unwrap_or(&body["Key"]))],
    }
}

/// The attributes in the updates of a transaction. The key is one of them.
fn attributes(body: &Value) -> Vec<Attribute> {
    let writes = body["TransactItems"].as_array().into_iter().flatten();
    let of_update = |update: &Value| {
        let (kind, _) = update["Key"]["pk"]["S"].as_str().unwrap().split_once('#').unwrap();
        let names = update["ExpressionAttributeNames"].as_object().into_iter().flatten();
        let names = names.map(|(_, name)| name.as_str().unwrap().to_owned()).chain(["pk".to_owned()]);
        names.map(|name| (format!("{kind}#*"), name)).collect::<Vec<_>>()
    };
    writes.filter_map(|write| write.get("Update")).flat_map(of_update).collect()
}

/// The conditions of the template that hold in these tests. `UpgradesKeys` may hold besides.
const CONDITIONS: [&str; 6] =
    ["HasAdmin", "HasSharedSecret", "MakesTable", "MintsFirebaseTokens", "SignsByKey", "TellsWebhook"];
const UPGRADES: &str = "UpgradesKeys";

/// The API key of a server.
const API_KEY: &str = "a server's key of 32 characters or more";

/// The admin key.
const ADMIN_KEY: &str = "an admin's key of 32 characters or more";

/// The secret that signs messages about events.
const WEBHOOK_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// The key of mailed codes.
const PROOF_KEY: &str = "the key of codes, of 32 characters or more";

/// The code that was mailed with this challenge.
fn code(challenge: &Value) -> String {
    let keys = ProofKeys::parse(PROOF_KEY).unwrap();
    let (id, key) = ProofId::of_challenge(challenge.as_str().unwrap(), keys.opening()).unwrap();
    id.code(key).as_str().to_owned()
}

/// The token in the link that was mailed with this challenge.
fn link(challenge: &Value) -> String {
    let keys = ProofKeys::parse(PROOF_KEY).unwrap();
    let (id, key) = ProofId::of_challenge(challenge.as_str().unwrap(), keys.opening()).unwrap();
    id.link(key)
}

/// A deployment of the template.
#[derive(Clone, Copy)]
struct Deployment {
    upgrades_keys: bool,
}

impl Deployment {
    fn holds(self, condition: &str) -> bool {
        CONDITIONS.contains(&condition) || (self.upgrades_keys && condition == UPGRADES)
    }

    /// The variables of a function that name secrets. A secret has the name of its resource.
    fn secret_ids(self, function: &str) -> BTreeMap<String, String> {
        let template = read("template.yaml");
        let variables = &template["Resources"][function]["Properties"]["Environment"]["Variables"];
        let named = entries(variables).filter(|(name, _)| name.ends_with("SECRET_ID"));
        let chosen = named.map(|(name, value)| {
            let branch = value.get("Fn::If").map(|branches| {
                let holds = self.holds(branches[0].as_str().unwrap());
                &branches[if holds { 1 } else { 2 }]
            });
            let id = branch.unwrap_or(value).get("Ref").and_then(Value::as_str).unwrap_or_default();
            (name.to_owned(), id.to_owned())
        });
        chosen.collect()
    }

    /// The secrets that the role of a function may read.
    fn readable(self, function: &str) -> BTreeSet<String> {
        let granted = granted(&read("template.yaml")).unwrap();
        let reads = granted[function].iter().filter(|(action, ..)| action == "secretsmanager:GetSecretValue");
        let allowed = reads.filter(|(_, _, condition)| condition.is_empty() || self.holds(condition));
        allowed.map(|(_, secret, _)| secret.clone()).collect()
    }

    /// A Secrets Manager that has the secrets which the role of a function may read, and no others.
    fn secrets(self, function: &str) -> SecretsManager {
        let set = KeySet::parse(signing_keys()).unwrap();
        let part = |part| set.part(part).unwrap().to_json().unwrap();
        let mut secrets = Secrets::default();
        for id in self.readable(function) {
            let text = match id.as_str() {
                "SigningKeys" => signing_keys().to_owned(),
                "PublicKeys" => part(Part::Public),
                "RefreshKeys" => part(Part::Refresh),
                "SharedSecret" => "a shared secret of more than 32 bytes".to_owned(),
                "ServerApiKey" => API_KEY.to_owned(),
                "AdminKey" => ADMIN_KEY.to_owned(),
                "ProofKey" => PROOF_KEY.to_owned(),
                "EventWebhookSecret" => WEBHOOK_SECRET.to_owned(),
                "FirebaseServiceAccount" => service_account().to_owned(),
                other => panic!("{other} is a secret that nobody looked at here"),
            };
            secrets.put(&id, &"v".repeat(32), &text);
        }
        SecretsManager::new(secrets)
    }
}

fn config(secret_ids: &BTreeMap<String, String>) -> Config {
    let read = Config::read(|name| {
        if let Some(id) = secret_ids.get(name) {
            return Some(id.clone());
        }
        let value = match name {
            "ISSUER" => "https://login.example",
            "TOKEN_PROFILE" => "firebase",
            // The project of the service account is nowhere, so that nothing is told to Firebase.
            "FIREBASE_SYNC" => "best_effort",
            // Nobody listens there. The table has the events that each change notes.
            "EVENT_WEBHOOK_URL" => "http://127.0.0.1:9/",
            "EVENT_WEBHOOK_SECRET_ID" => "EventWebhookSecret",
            "EVENT_WEBHOOK_TYPES" => "user.created,user.updated,user.deleted,user.signed_in,password.changed",
            "MAIL" => "ses",
            "EMAIL_SIGN_IN" => "existing",
            "VERIFY_EMAIL" => "send",
            "MAIL_FROM" => "login@yopmail.com",
            // A token that was used before then counts as stolen at once.
            "REFRESH_REUSE_INTERVAL_SECONDS" => "0",
            _ => return None,
        };
        Some(value.to_owned())
    });
    read.unwrap()
}

impl Function {
    /// A function under exactly the reads of its role, started as on Lambda.
    async fn start(name: &'static str, router: Router<App>, embedded: &Embedded, deployment: Deployment) -> Self {
        let (config, uses) = (config(&deployment.secret_ids(name)), Uses::default());
        let client = Client::from_conf(embedded.client_config().interceptor(uses.clone()).build());
        let secrets = deployment.secrets(name);
        let sources = config.key_sources(config.keys.signing_keys.clone());
        let keys = Keys::new(Some(secrets.client()), sources);
        let store = Store::new(client, &config.table_name);
        let app = App::new(config, store, keys).unwrap();
        app.keys().warm(app.now()).await.unwrap_or_else(|error| panic!("{name} starts without its keys: {error:?}"));
        let address = IpAddr::from([192, 0, 2, 1]);
        Self { name, router: contract::service(router, app), uses, address, secrets }
    }

    /// The same function, called from an address that no account knows.
    fn elsewhere(&self, host: u8) -> Self {
        let Self { name, router, uses, secrets, .. } = self;
        let (router, uses, secrets) = (router.clone(), uses.clone(), secrets.clone());
        Self { name, router, uses, address: IpAddr::from([192, 0, 2, host]), secrets }
    }

    /// The body of the answer, whose status must be `status`.
    async fn call(&self, status: u16, method: Method, path: &str, token: &Value, body: Value) -> Value {
        let request = Request::builder().method(method).uri(path).header("content-type", "application/json");
        let request = request.header("authorization", format!("Bearer {}", token.as_str().unwrap_or_default()));
        // A server calls, and names the address of its client.
        let request = request.header("x-admin-key", token.as_str().unwrap_or(ADMIN_KEY));
        let request = request.header("x-api-key", API_KEY).header("x-forwarded-for", self.address.to_string());
        let server = PeerAddr(IpAddr::from([198, 51, 100, 1]));
        let request = request.header("idempotency-key", "the same").extension(server);
        let request = request.body(Body::from(body.to_string())).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap_or_else(|never| match never {});
        let answered = response.status();
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        assert_eq!(answered, status, "{path}: {body}");
        body
    }

    async fn post(&self, status: u16, path: &str, body: Value) -> Value {
        self.call(status, Method::POST, path, &Value::Null, body).await
    }
}

/// The use of the table by each function, while an account is created, used in every way, and
/// deleted.
async fn journey(deployment: Deployment) -> [Function; 10] {
    let embedded = Embedded::memory().unwrap();
    create_table(&embedded.client(), &config(&BTreeMap::new()).table_name).await.unwrap();
    let start = |name, router| Function::start(name, router, &embedded, deployment);
    let (create, login) =
        (start("CreateAccountFunction", create_account::router()).await, start("LoginFunction", login::router()).await);
    let (refresh, verify) =
        (start("RefreshFunction", refresh::router()).await, start("VerifyFunction", verify::router()).await);
    let (jwt, logout) = (start("JwtFunction", jwt::router()).await, start("LogoutFunction", logout::router()).await);
    let (account, well_known) =
        (start("AccountFunction", account::router()).await, start("WellKnownFunction", well_known::router()).await);
    let email = start("EmailFunction", email::router()).await;
    let admin = start("AdminFunction", admin::router()).await;
    let new = json!({
        "email": "james@yopmail.com", "username": "james", "password": PASSWORD, "metadata": {"plan": "pro"},
    });
    let credentials = json!({"email": "james@yopmail.com", "password": PASSWORD});
    create.post(201, "/create-account", new.clone()).await;
    create.elsewhere(2).post(201, "/create-account", new).await;
    link_identity(&embedded).await;
    let elsewhere = login.elsewhere(3);
    elsewhere.post(401, "/login", json!({"email": "james@yopmail.com", "password": "wrong"})).await;
    let lost = elsewhere.post(200, "/login", credentials.clone()).await["refresh_token"].clone();
    let first = refresh.post(200, "/refresh", json!({"refresh_token": lost})).await;
    refresh.post(200, "/refresh", json!({"refresh_token": first["refresh_token"]})).await;
    refresh.post(401, "/refresh", json!({"refresh_token": lost})).await;

    let session = login.post(200, "/login", credentials.clone()).await;
    let token = &session["access_token"];
    verify.post(200, "/verify?check_revoked=true", json!({"token": token})).await;
    jwt.post(200, "/jwt/decode", json!({"token": token})).await;
    let encoded = jwt.post(200, "/jwt/encode", json!({"payload": {"user_id": "7"}})).await;
    verify.post(200, "/verify", json!({"token": encoded["token"]})).await;
    well_known.call(200, Method::GET, "/.well-known/jwks.json", token, Value::Null).await;

    let me = async |method, path: &str, body| account.call(200, method, path, token, body).await;
    me(Method::PATCH, "/me", json!({"username": "jim"})).await;
    me(Method::PATCH, "/me", json!({"name": "Jim"})).await;
    me(Method::PATCH, "/me", json!({"name": "James"})).await;
    me(Method::PATCH, "/me", json!({"metadata": {"plan": "free"}})).await;
    me(Method::GET, "/me/export", Value::Null).await;
    me(Method::GET, "/me/identities", Value::Null).await;
    let sessions = me(Method::GET, "/me/sessions", Value::Null).await;
    let oldest = sessions["sessions"].as_array().unwrap().last().unwrap()["id"].as_str().unwrap();
    me(Method::DELETE, &format!("/me/sessions/{oldest}"), Value::Null).await;
    let wrong = json!({"current_password": "wrong", "new_password": NEXT_PASSWORD});
    account.call(403, Method::POST, "/me/password", token, wrong).await;
    let renewed = json!({"current_password": PASSWORD, "new_password": NEXT_PASSWORD});
    let session = me(Method::POST, "/me/password", renewed).await;
    let credentials = json!({"email": "james@yopmail.com", "password": NEXT_PASSWORD});

    let granted = json!({"grant_type": "password", "username": "james@yopmail.com", "password": NEXT_PASSWORD});
    let granted = login.post(200, "/oauth/token", granted).await;
    let renewed = json!({"grant_type": "refresh_token", "refresh_token": granted["refresh_token"]});
    let granted = login.post(200, "/oauth/token", renewed).await;
    account.call(200, Method::GET, "/oauth/userinfo", &granted["access_token"], Value::Null).await;
    logout.post(200, "/oauth/revoke", json!({"token": granted["refresh_token"]})).await;
    let asked = json!({"email": "james@yopmail.com", "password": NEXT_PASSWORD});
    let by_supabase = login.post(200, "/auth/v1/token?grant_type=password", asked).await;
    account.call(200, Method::PUT, "/auth/v1/user", &by_supabase["access_token"], json!({"data": {"a": 1}})).await;
    logout.call(204, Method::POST, "/auth/v1/logout?scope=others", &by_supabase["access_token"], json!({})).await;
    let other = login.post(200, "/login", credentials.clone()).await;
    logout.post(200, "/logout", json!({"refresh_token": session["refresh_token"]})).await;
    let third = login.post(200, "/login", credentials.clone()).await;
    logout.call(200, Method::POST, "/logout", &third["access_token"], json!({})).await;
    logout.post(200, "/logout", json!({"refresh_token": other["refresh_token"], "everywhere": true})).await;
    let forgot = email.post(200, "/password/forgot", json!({"email": "james@yopmail.com"})).await;
    let reset = |code: String| json!({"challenge": forgot["challenge"], "code": code, "new_password": LAST_PASSWORD});
    let right = code(&forgot["challenge"]);
    let wrong = if right == "000000" { "000001" } else { "000000" };
    email.post(401, "/password/reset", reset(wrong.to_owned())).await;
    let session = email.post(200, "/password/reset", reset(right)).await;
    let asked = email.post(200, "/login/email", json!({"email": "james@yopmail.com"})).await;
    let shown = json!({"challenge": asked["challenge"], "code": code(&asked["challenge"])});
    email.post(200, "/login/email/complete", shown).await;
    administer(&admin, &login).await;
    account.call(200, Method::DELETE, "/me", &session["access_token"], json!({"password": LAST_PASSWORD})).await;
    let stranger = json!({"email": "ann@yopmail.com", "password": PASSWORD});
    let stranger = create.elsewhere(9).post(201, "/create-account", stranger).await;
    let asked = email.call(200, Method::POST, "/me/email/verify", &stranger["access_token"], json!({})).await;
    let disowned = json!({"token": link(&asked["challenge"]), "email": "ann@yopmail.com"});
    email.post(200, "/pages/disown", disowned).await;
    [account, admin, create, email, jwt, login, logout, refresh, verify, well_known]
}

/// Links an account of a provider, so that a change of the account writes that record too.
async fn link_identity(embedded: &Embedded) {
    let (store, now) = (embedded.store(&config(&BTreeMap::new()).table_name), Timestamp::from_seconds(1_779_890_400));
    let user = store.user_by(&Identifier::parse("james@yopmail.com").unwrap()).await.unwrap().unwrap();
    let before = store.credentials(&user).await.unwrap().unwrap();
    let mut after = before.clone();
    assert!(after.link(Identity::new("google", "https://accounts.google.com", "1", now)));
    let (token, mails) = (Exchanged { hash: "a token", expires_at: now }, []);
    let effect = ExchangeEffect::Change { before: &before, after: &after, mails: &mails };
    store.exchange(&token, &user, None, &effect, now).await.unwrap();
}

/// Uses the admin API in every way, at an account of its own.
async fn administer(admin: &Function, login: &Function) {
    let call = async |method, path: &str, body| admin.call(200, method, path, &Value::Null, body).await;
    admin.call(401, Method::POST, "/admin/token", &json!("a wrong key"), Value::Null).await;
    call(Method::POST, "/admin/token", Value::Null).await;
    call(Method::GET, "/admin/users", Value::Null).await;
    let lines = json!([{"email": "ivo@yopmail.com", "id": "ivo", "private_metadata": {"a": 1}}, {"email": "uma@yopmail.com", "id": "uma"}]);
    call(Method::POST, "/admin/import", json!({"users": lines})).await;
    call(Method::POST, "/admin/import", json!({"users": lines})).await;
    call(Method::GET, "/admin/export", Value::Null).await;
    let new = json!({"email": "zoe@yopmail.com", "username": "zoe", "password": PASSWORD, "metadata": {"plan": "pro"}});
    let user = admin.post(201, "/admin/users", new).await;
    let path = format!("/admin/users/{}", user["user"]["id"].as_str().unwrap());
    call(Method::GET, &path, Value::Null).await;
    let changes = json!({"role_id": 7, "username": "zoey", "name": "Zoe", "metadata": {"plan": "free"}});
    call(Method::PATCH, &path, changes).await;
    login.post(200, "/login", json!({"email": "zoe@yopmail.com", "password": PASSWORD})).await;
    let sessions = call(Method::GET, &format!("{path}/sessions"), Value::Null).await;
    let sid = sessions["sessions"][0]["id"].as_str().unwrap();
    call(Method::DELETE, &format!("{path}/sessions/{sid}"), Value::Null).await;
    login.post(200, "/login", json!({"email": "zoe@yopmail.com", "password": PASSWORD})).await;
    call(Method::POST, &format!("{path}/end-sessions"), Value::Null).await;
    let link = call(Method::POST, &format!("{path}/link"), json!({"purpose": "reset", "send": true})).await;
    let code = json!({"code": "135790", "until": link["expires_at"]});
    call(Method::PUT, &format!("{path}/test-code"), code).await;
    call(Method::DELETE, &format!("{path}/test-code"), Value::Null).await;
    call(Method::POST, "/admin/webhooks/test", Value::Null).await;
    call(Method::DELETE, &path, Value::Null).await;
}

/// The uses that a permission allows, one for each kind of record. A permission without a
/// condition allows any record.
fn allowed((action, resource, condition): &Permission) -> Vec<Use> {
    let condition: Value = serde_json::from_str(condition).unwrap_or_default();
    let kinds = condition["ForAllValues:StringLike"]["dynamodb:LeadingKeys"].as_array();
    let kinds = kinds.map_or(vec!["*"], |kinds| kinds.iter().filter_map(Value::as_str).collect());
    kinds.into_iter().map(|kind| (action.clone(), resource.clone(), kind.to_owned())).collect()
}

fn covers(allowed: &Use, used: &Use) -> bool {
    (&allowed.0, &allowed.1) == (&used.0, &used.1) && (allowed.2 == "*" || allowed.2 == used.2)
}

#[tokio::test]
async fn a_function_may_do_at_the_table_and_read_of_the_secrets_what_it_does_and_no_more() {
    let permissions = granted(&read("template.yaml")).unwrap();
    let deployment = Deployment { upgrades_keys: false };
    for Function { name: function, uses, secrets, .. } in journey(deployment).await {
        let used = uses.0.lock().unwrap().uses.clone();
        let reads = secrets.used().into_iter().map(|(operation, id)| {
            assert_eq!(operation, "GetSecretValue", "{function}");
            id
        });
        assert_eq!(reads.collect::<BTreeSet<_>>(), deployment.readable(function), "{function}");
        let of_table = permissions[function].iter().filter(|(action, ..)| action.starts_with("dynamodb:"));
        let allowed: Vec<Use> = of_table.flat_map(allowed).collect();
        for used in &used {
            assert!(allowed.iter().any(|allowed| covers(allowed, used)), "{function} does {used:?}, and may not");
        }
        for allowed in &allowed {
            assert!(used.iter().any(|used| covers(allowed, used)), "{function} may {allowed:?}, and does not");
        }
    }
}

/// A function that may not read the hash may not write it either.
#[tokio::test]
async fn a_logout_writes_the_attributes_that_it_may_and_all_of_them() {
    let permissions = granted(&read("template.yaml")).unwrap();
    let mut conditions = permissions["LogoutFunction"]
        .iter()
        .map(|(_, _, condition)| serde_json::from_str::<Value>(condition).unwrap_or_default());
    let condition = conditions.find(|condition| condition["ForAllValues:StringEquals"].is_object()).unwrap();
    let of = |operator: &str, key: &str| {
        let values =
            condition[operator][key].as_array().unwrap().iter().map(|value| value.as_str().unwrap().to_owned());
        values.collect::<BTreeSet<_>>()
    };
    let kinds = of("ForAllValues:StringLike", "dynamodb:LeadingKeys");
    let functions = journey(Deployment { upgrades_keys: false }).await;
    let logout = functions.into_iter().find(|function| function.name == "LogoutFunction").unwrap();
    let used = logout.uses.0.lock().unwrap().clone();
    let used = used.attributes.iter().filter(|(kind, _)| kinds.contains(kind)).map(|(_, name)| name.clone());
    assert_eq!(used.collect::<BTreeSet<_>>(), of("ForAllValues:StringEquals", "dynamodb:Attributes"));
}

/// The hash is in `LOGIN#` records. Whoever checks and sets no password must not read them.
#[test]
fn only_functions_that_check_or_set_passwords_may_read_records_with_hashes() {
    let may_read = |(action, _, condition): &Permission| {
        let reads = ["BatchGetItem", "GetItem", "Query", "Scan", "TransactGetItems", "PartiQLSelect"];
        let is_read = reads.iter().any(|read| action.strip_prefix("dynamodb:") == Some(*read));
        // The index has keys alone.
        is_read && !action.ends_with("Query") && (!condition.contains("LeadingKeys") || condition.contains("LOGIN#"))
    };
    let permissions = granted(&read("template.yaml")).unwrap();
    let readers: Vec<&str> =
        permissions.iter().filter(|(_, rows)| rows.iter().any(may_read)).map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        readers,
        ["AccountFunction", "AdminFunction", "CreateAccountFunction", "EmailFunction", "LoginFunction"]
    );
}

#[tokio::test]
async fn while_keys_are_upgraded_every_function_serves_from_the_one_document() {
    let deployment = Deployment { upgrades_keys: true };
    for Function { name, secrets, .. } in journey(deployment).await {
        let read: BTreeSet<String> = secrets.used().into_iter().map(|(_, id)| id).collect();
        let parts = ["PublicKeys", "RefreshKeys"].map(str::to_owned);
        assert!(read.contains("SigningKeys") && parts.iter().all(|part| !read.contains(part)), "{name}: {read:?}");
        assert!(read.is_subset(&deployment.readable(name)));
    }
}

#[test]
fn no_function_that_signs_nothing_may_read_a_private_key() {
    let deployment = Deployment { upgrades_keys: false };
    let set = KeySet::parse(signing_keys()).unwrap();
    let part = |part| set.part(part).unwrap().to_json().unwrap();
    assert!(!part(Part::Public).contains("private_key") && !part(Part::Public).contains("secret"));
    assert!(!part(Part::Refresh).contains("private_key"));
    for (function, of_set) in [
        ("JwtFunction", &["PublicKeys"][..]),
        ("LogoutFunction", &["PublicKeys", "RefreshKeys"]),
        ("VerifyFunction", &["PublicKeys"]),
        ("WellKnownFunction", &["PublicKeys"]),
    ] {
        let readable = deployment.readable(function);
        let of_keys: Vec<&str> = readable.iter().map(String::as_str).filter(|id| id.ends_with("Keys")).collect();
        assert_eq!(of_keys, of_set, "{function}");
    }
}

#[tokio::test]
async fn a_rotation_calls_secrets_manager_as_it_may_and_in_no_other_way() {
    let mut secrets = Secrets::default();
    for id in ["SigningKeys", "PublicKeys", "RefreshKeys"] {
        secrets.put(id, &"v".repeat(32), r#"{"keys":[]}"#);
    }
    let token = "t".repeat(32);
    assert!(secrets.start_rotation("SigningKeys", &token));
    let manager = SecretsManager::new(secrets);
    let config = config(&Deployment { upgrades_keys: false }.secret_ids("RotateKeysFunction"));
    let keys = Keys::new(Some(manager.client()), config.key_sources(config.keys.signing_keys.clone()));
    let store = Store::new(Embedded::memory().unwrap().client(), "unused");
    let app = App::new(config, store, keys).unwrap();
    for step in Step::ALL {
        let event = Event { step, secret_id: "SigningKeys".to_owned(), client_request_token: token.clone() };
        rotate_keys::rotate(app.clone(), event).await.unwrap();
    }
    let called = manager.used().into_iter().map(|(operation, id)| (format!("secretsmanager:{operation}"), id));
    let permissions = granted(&read("template.yaml")).unwrap();
    let allowed = permissions["RotateKeysFunction"].iter().filter(|(action, ..)| action.starts_with("secretsmanager:"));
    let allowed = allowed.map(|(action, id, _)| (action.clone(), id.clone()));
    assert_eq!(called.collect::<BTreeSet<_>>(), allowed.collect());
}

/// Sends a mail, and suppresses an address.
#[tokio::test]
async fn the_mail_function_does_at_the_table_and_reads_of_the_secrets_what_it_may_and_no_more() {
    const NAME: &str = "MailFunction";
    let deployment = Deployment { upgrades_keys: false };
    let folder = tempfile::TempDir::new().unwrap();
    let mut variables = deployment.secret_ids(NAME);
    variables.insert("MAIL".to_owned(), "outbox".to_owned());
    variables.insert("DATA_DIR".to_owned(), folder.path().display().to_string());
    let (config, uses, embedded) = (config(&variables), Uses::default(), Embedded::memory().unwrap());
    create_table(&embedded.client(), &config.table_name).await.unwrap();
    let transport = Transport::of(&config, async || Err("no SES".to_owned())).await.unwrap();
    let secrets = deployment.secrets(NAME);
    let keys = Keys::new(Some(secrets.client()), config.key_sources(None));
    let client = Client::from_conf(embedded.client_config().interceptor(uses.clone()).build());
    let app = App::new(config.clone(), Store::new(client, &config.table_name), keys).unwrap();
    let mail = OutgoingMail::new(app.uuid().unwrap(), Kind::Reset, "a@yopmail.com", Language::English, app.now())
        .with_proof(ProofId::new([7; 12]), None);
    Store::new(embedded.client(), &config.table_name).put_mail(&mail).await.unwrap();
    let sender = mail::Sender::new(app, transport);
    let record = json!({"dynamodb": {"Keys": {"pk": {"S": mail.key()}}, "SequenceNumber": "1"}});
    let bounce = json!({"bounceType": "Permanent", "bouncedRecipients": [{"emailAddress": "a@yopmail.com"}]});
    for event in [json!({"Records": [record]}), json!({"detail": {"bounce": bounce}})] {
        let handled = mail::handle(sender.clone(), serde_json::from_value(event).unwrap()).await.unwrap();
        assert_eq!(serde_json::to_value(handled).unwrap(), json!({"batchItemFailures": []}));
    }
    let reads = secrets.used().into_iter().map(|(_, id)| id);
    assert_eq!(reads.collect::<BTreeSet<_>>(), deployment.readable(NAME));
    let of_table = granted(&read("template.yaml")).unwrap()[NAME].clone().into_iter();
    let allowed: Vec<Use> =
        of_table.filter(|(_, resource, _)| resource == "Table.Arn").flat_map(|row| allowed(&row)).collect();
    let used = uses.0.lock().unwrap().uses.clone();
    assert_eq!(used, allowed.into_iter().collect());
}

/// An endpoint that wants no calls.
fn gone() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = BufReader::new(stream.try_clone().unwrap()).lines();
            while head.next().is_some_and(|line| !line.unwrap().is_empty()) {}
            stream.write_all(b"HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n").unwrap();
        }
    });
    url
}

/// Tells Firebase of an ending, and the webhook of events.
#[tokio::test]
async fn the_sync_function_does_at_the_table_and_reads_of_the_secrets_what_it_may_and_no_more() {
    const NAME: &str = "SyncFunction";
    let deployment = Deployment { upgrades_keys: false };
    let mut variables = deployment.secret_ids(NAME);
    variables.insert("EVENT_WEBHOOK_URL".to_owned(), gone());
    let config = config(&variables);
    let (uses, embedded) = (Uses::default(), Embedded::memory().unwrap());
    create_table(&embedded.client(), &config.table_name).await.unwrap();
    let (email, now) = (Email::parse("james@yopmail.com").unwrap(), Timestamp::from_seconds(1_779_890_400));
    let store = Store::new(embedded.client(), &config.table_name).noting_endings(true);
    let store = store.noting_events(EventTypes::usual(), move || now, Arc::default());
    let user = User::new("u".to_owned(), &email, None, String::new(), StoredHash::new("none"), now);
    store.import_user(&user).await.unwrap();
    store.delete_user(&user).await.unwrap();
    let secrets = deployment.secrets(NAME);
    let keys = Keys::new(Some(secrets.client()), config.key_sources(None));
    let client = Client::from_conf(embedded.client_config().interceptor(uses.clone()).build());
    let app = App::new(config.clone(), Store::new(client, &config.table_name), keys).unwrap();
    let created = store.due_events(10, now).await.unwrap().remove(0);
    let record = |key: String| json!({"dynamodb": {"Keys": {"pk": {"S": key}}, "SequenceNumber": "1"}});
    let records = json!({"Records": [record("SYNC#u".to_owned()), record(format!("HOOK#{created}"))]});
    let ways = sync::start(app).await.unwrap();
    for event in [records, json!({"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}})] {
        let handled = sync::handle(ways.clone(), serde_json::from_value(event).unwrap()).await.unwrap();
        assert_eq!(serde_json::to_value(handled).unwrap(), json!({"batchItemFailures": []}));
    }
    assert!(store.open_endings().await.unwrap().is_empty());
    assert!(store.due_events(10, now).await.unwrap().is_empty());
    let reads = secrets.used().into_iter().map(|(_, id)| id);
    assert_eq!(reads.collect::<BTreeSet<_>>(), deployment.readable(NAME));
    let of_table = granted(&read("template.yaml")).unwrap()[NAME].clone().into_iter();
    let allowed: Vec<Use> =
        of_table.filter(|(_, resource, _)| resource == "Table.Arn").flat_map(|row| allowed(&row)).collect();
    let used = uses.0.lock().unwrap().uses.clone();
    let (of_records, of_indexes): (BTreeSet<Use>, BTreeSet<Use>) =
        used.into_iter().partition(|(_, resource, _)| resource == "Table.Arn");
    assert_eq!(of_records, allowed.into_iter().collect());
    let due = ("dynamodb:Query".to_owned(), "${Table.Arn}/index/accounts".to_owned(), String::new());
    assert_eq!(of_indexes, [due].into());
}
