//! The table of routes. Each route has a good and a bad request.

use axum::http::Method;
use serde_json::{Value, json};

use super::{API_KEY, Artefacts};
use crate::{deployment::ENDPOINTS, emulator::Event, http::Request, session::assert_session, tokens};

const PASSWORD: &str = "violet tractor 47 umbrella";
const NEXT_PASSWORD: &str = "amber tractor 48 umbrella";
const WRONG: &str = "wrong one";

/// Somebody who has an account.
pub struct Account {
    email: String,
    /// The newest session object.
    session: Value,
}

impl Account {
    /// Creates an account by this kind of event.
    pub async fn make(artefacts: &Artefacts, kind: Event) -> Self {
        let newcomer = newcomer();
        let answer = artefacts.ask("create-account", kind, Request::post("/create-account", &newcomer)).await;
        assert_eq!(answer.status, 201, "{:#}", answer.body);
        let session = answer.body;
        assert_session(&session);
        let token = session["access_token"].as_str().expect("a token");
        assert_eq!(tokens::claims(token)["iss"], kind.issuer());
        Self { email: newcomer["email"].as_str().expect("an address").to_owned(), session }
    }

    /// A person without an account, for requests that are shown and not sent.
    pub fn nobody() -> Self {
        Self { email: String::new(), session: json!({"access_token": "", "refresh_token": ""}) }
    }

    fn login(&self, password: &str) -> Request {
        Request::post("/login", &json!({"email": self.email, "password": password}))
    }

    fn refresh_token(&self) -> Value {
        json!({"refresh_token": self.session["refresh_token"]})
    }

    fn access_token(&self) -> Value {
        json!({"token": self.session["access_token"]})
    }

    fn change_password(&self, current: &str) -> Request {
        let body = json!({"current_password": current, "new_password": NEXT_PASSWORD});
        Request::post("/me/password", &body).by(&self.session)
    }

    fn end(&self, password: &str) -> Request {
        Request::json(Method::DELETE, "/me", &json!({"password": password})).by(&self.session)
    }

    fn end_by_post(&self, password: &str) -> Request {
        Request::post("/me/delete", &json!({"password": password})).by(&self.session)
    }

    fn change(&self, body: &Value) -> Request {
        Request::json(Method::PATCH, "/me", body).by(&self.session)
    }
}

/// A request to a function, and the answer that is expected.
pub struct Route {
    function: &'static str,
    name: &'static str,
    status: u16,
    code: Option<&'static str>,
    check: Option<fn(&Value)>,
    /// Whether every function answers the request alike.
    is_common: bool,
    make: Box<dyn Fn(&Account) -> Request + Send + Sync>,
}

impl Route {
    fn code(self, code: &'static str) -> Self {
        Self { code: Some(code), ..self }
    }

    fn checked(self, check: fn(&Value)) -> Self {
        Self { check: Some(check), ..self }
    }

    /// The title of its trial.
    pub fn title(&self) -> String {
        format!("{}: {}", self.function, self.name)
    }

    /// The function and the path, with a parameter as the template has it.
    pub fn asked(&self) -> (&'static str, String) {
        let path = (self.make)(&Account::nobody()).path;
        let path = path.split('?').next().unwrap_or_default().to_owned();
        let templates = [
            "/admin/users/{id}",
            "/admin/users/{id}/end-sessions",
            "/admin/users/{id}/link",
            "/admin/users/{id}/test-code",
            "/admin/users/{id}/sessions",
            "/admin/users/{id}/sessions/{sid}",
            "/me/sessions/{id}",
            "/me/identities/{provider}",
            "/console/guides/{name}",
            "/console/{version}/{name}",
        ];
        let is_of = |template: &&&str| {
            let mut parts = path.split('/').zip(template.split('/'));
            path.matches('/').count() == template.matches('/').count()
                && parts.all(|(own, part)| part.starts_with('{') || own == part)
        };
        let template = templates.iter().find(is_of).map(|template| (*template).to_owned());
        (self.function, template.unwrap_or(path))
    }

    /// Whether this kind of event carries the request.
    pub fn is_asked_by(&self, kind: Event) -> bool {
        match kind {
            Event::Text => true,
            // Such a request has no body.
            Event::Base64 => !["console", "well-known"].contains(&self.function),
            // SAM takes seconds to generate an event: one function is enough for the answers that
            // all have in common.
            Event::Generated => !self.is_common || self.function == "login",
        }
    }

    /// Sends the request, and checks the answer.
    pub async fn ask(&self, artefacts: &Artefacts, kind: Event, account: &mut Account) {
        let answer = artefacts.ask(self.function, kind, (self.make)(account)).await;
        assert_eq!(answer.status, self.status, "{:#}", answer.body);
        if let Some(code) = self.code {
            assert_eq!(answer.body["code"], code, "{:#}", answer.body);
        }
        if let Some(check) = self.check {
            check(&answer.body);
        }
        // Like a client, the trial uses the newest session.
        if answer.body["jwt_token"].is_string() && self.function != "create-account" {
            account.session = answer.body;
        }
    }
}

fn route(
    function: &'static str,
    name: &'static str,
    status: u16,
    make: impl Fn(&Account) -> Request + Send + Sync + 'static,
) -> Route {
    Route { function, name, status, code: None, check: None, is_common: false, make: Box::new(make) }
}

/// Every route, in an order that one account can follow: the deletion comes last.
pub fn all() -> Vec<Route> {
    let common = ENDPOINTS.into_iter().flat_map(|(function, path)| common(function, path));
    let alone = [
        admin(),
        sessions(),
        oauth(),
        supabase(),
        verify(),
        jwt(),
        account(),
        ends_of_sessions(),
        well_known(),
        console(),
        email(),
    ];
    let alone = alone.into_iter().flatten();
    alone.chain(common).chain(ends_of_accounts()).collect()
}

fn sessions() -> Vec<Route> {
    const CREATE: &str = "create-account";
    vec![
        route(CREATE, "a new account", 201, |_| Request::post("/create-account", &newcomer())).checked(assert_session),
        route(CREATE, "a taken address", 409, |account| {
            Request::post("/create-account", &json!({"email": account.email, "password": PASSWORD}))
        })
        .code("email_taken"),
        route("login", "a login", 200, |account| account.login(PASSWORD)).checked(assert_session),
        route("login", "a wrong password", 401, |account| account.login(WRONG)).code("invalid_credentials"),
        route("refresh", "a refresh", 200, |account| Request::post("/refresh", &account.refresh_token()))
            .checked(assert_session),
        route("refresh", "no refresh token", 401, |_| {
            Request::post("/refresh", &json!({"refresh_token": "A".repeat(43)}))
        })
        .code("refresh_token_invalid"),
    ]
}

fn oauth() -> Vec<Route> {
    let grant = |account: &Account, password: &str| {
        let body = json!({"grant_type": "password", "username": account.email, "password": password});
        Request::post("/oauth/token", &body)
    };
    vec![
        route("login", "the grant of a password", 200, move |account| grant(account, PASSWORD))
            .checked(|body| assert_eq!((&body["token_type"], &body["scope"]), (&json!("Bearer"), &json!("")))),
        route("login", "the grant of a wrong password", 400, move |account| grant(account, WRONG))
            .checked(|body| assert_eq!(body["error"], "invalid_grant")),
        route("logout", "a token to revoke that is none", 200, |_| {
            Request::post("/oauth/revoke", &json!({"token": "x"}))
        }),
        route("account", "the claims of OpenID Connect", 200, |account| {
            Request::get("/oauth/userinfo").by(&account.session)
        })
        .checked(|body| assert_eq!(body["sub"], body["id"])),
    ]
}

fn supabase() -> Vec<Route> {
    let sign_in = |account: &Account, password: &str| {
        let body = json!({"email": account.email, "password": password});
        Request::post("/auth/v1/token?grant_type=password", &body)
    };
    vec![
        route("create-account", "a sign-up by Supabase", 200, |_| Request::post("/auth/v1/signup", &newcomer()))
            .checked(|body| assert_eq!(body["user"]["aud"], "authenticated")),
        route("login", "a sign-in by Supabase", 200, move |account| sign_in(account, PASSWORD))
            .checked(|body| assert!(body["expires_at"].is_number())),
        route("login", "a wrong password by Supabase", 400, move |account| sign_in(account, WRONG))
            .code("invalid_credentials"),
        route("account", "the user by Supabase", 200, |account| Request::get("/auth/v1/user").by(&account.session)),
        route("logout", "a logout by Supabase, without a token", 403, |_| Request::post("/auth/v1/logout", &json!({})))
            .code("bad_jwt"),
        route("well-known", "the keys by Supabase", 200, |_| Request::get("/auth/v1/.well-known/jwks.json")),
        route("well-known", "the health by Supabase", 200, |_| Request::get("/auth/v1/health")),
        route("well-known", "the settings by Supabase", 200, |_| Request::get("/auth/v1/settings")),
    ]
}

fn verify() -> Vec<Route> {
    vec![
        route("verify", "a token in the body", 200, |account| Request::post("/verify", &account.access_token()))
            .checked(is_valid),
        route("verify", "a token in the header", 200, |account| Request::get("/verify").by(&account.session))
            .checked(is_valid),
        route("verify", "no token", 400, |_| Request::get("/verify")).code("token_missing"),
        route("verify", "something that is no token", 401, |_| Request::post("/verify", &json!({"token": "x.y"}))),
    ]
}

fn jwt() -> Vec<Route> {
    let encode = || Request::post("/jwt/encode", &json!({"payload": {"user_id": "7"}}));
    vec![
        route("jwt", "a token to encode", 200, move |_| encode().header("x-api-key", API_KEY)),
        route("jwt", "a token to encode without a key", 401, move |_| encode()).code("invalid_api_key"),
        route("jwt", "a token decoded", 200, |account| {
            Request::post("/jwt/decode", &json!({"token": account.session["jwt_token"]}))
        }),
        route("jwt", "something to decode that is no token", 400, |_| {
            Request::post("/jwt/decode", &json!({"token": "x.y"}))
        })
        .code("token_malformed"),
    ]
}

fn account() -> Vec<Route> {
    vec![
        route("account", "who am I", 200, |account| Request::get("/me").by(&account.session)),
        route("account", "who am I, without a token", 401, |_| Request::get("/me")),
        route("account", "another name", 200, |account| account.change(&json!({"name": "Ann"}))),
        route("account", "metadata", 200, |account| account.change(&json!({"metadata": {"plan": "pro"}})))
            .checked(|body| assert_eq!(body["user"]["metadata"]["plan"], "pro")),
        route("account", "a role that is chosen", 400, |account| account.change(&json!({"role_id": 9}))),
        route("account", "data without a place", 400, |account| account.change(&json!({"phone": "1"})))
            .code("unknown_field"),
        route("account", "all of my data", 200, |account| Request::get("/me/export").by(&account.session))
            .checked(|body| assert!(body["sessions"].as_array().is_some_and(|sessions| !sessions.is_empty()))),
        route("account", "all of my data, without a token", 401, |_| Request::get("/me/export")),
        route("account", "the sessions", 200, |account| Request::get("/me/sessions").by(&account.session)),
        route("account", "the sessions, without a token", 401, |_| Request::get("/me/sessions")),
        route("account", "the identities", 200, |account| Request::get("/me/identities").by(&account.session)),
        route("account", "an identity that is not linked", 200, |account| {
            Request::new(Method::DELETE, "/me/identities/google").by(&account.session)
        }),
        route("account", "the end of a session that never was", 200, |account| {
            Request::new(Method::DELETE, &format!("/me/sessions/{}", "A".repeat(16))).by(&account.session)
        }),
        route("account", "the end of a session, without a token", 401, |_| {
            Request::new(Method::DELETE, "/me/sessions/A")
        }),
        route("account", "a new password, not knowing the old", 403, |account| account.change_password(WRONG))
            .code("password_incorrect"),
        route("account", "a new password", 200, |account| account.change_password(PASSWORD)).checked(assert_session),
    ]
}

fn ends_of_sessions() -> Vec<Route> {
    vec![
        route("logout", "a logout", 200, |account| Request::post("/logout", &account.refresh_token())),
        route("logout", "a logout of nothing", 400, |_| Request::post("/logout", &json!({}))),
        route("login", "a login with the new password", 200, |account| account.login(NEXT_PASSWORD)),
    ]
}

fn well_known() -> Vec<Route> {
    vec![
        route("well-known", "the key set", 200, |_| Request::get("/.well-known/jwks.json")),
        route("well-known", "the discovery document", 200, |_| Request::get("/.well-known/openid-configuration")),
        route("well-known", "health", 200, |_| Request::get("/health")),
        route("well-known", "an unknown path", 404, |_| Request::get("/no-such-path")),
    ]
}

/// Without a way for mails, every call that needs one says so.
fn email() -> Vec<Route> {
    let code = json!({"challenge": "a".repeat(43), "code": "012345", "new_password": NEXT_PASSWORD});
    let link = json!({
        "token": "a".repeat(43), "new_password": NEXT_PASSWORD, "password": NEXT_PASSWORD, "email": "a@b.example",
    });
    let post = |path: &'static str, body: Value| {
        // As the browser says that a page of this service calls. Other calls do not look at it.
        let request = move |account: &Account| {
            Request::post(path, &body).by(&account.session).header("sec-fetch-site", "same-origin")
        };
        route("email", path, 501, request).code("not_configured")
    };
    vec![
        post("/password/forgot", json!({"email": "a@b.example"})),
        post("/password/reset", code.clone()),
        post("/login/email", json!({"email": "a@b.example"})),
        post("/login/email/complete", code.clone()),
        post("/me/email/verify", json!({})),
        post("/me/email/verify/complete", code.clone()),
        post("/pages/inspect", link.clone()),
        post("/pages/reset", link.clone()),
        post("/pages/verify", link.clone()),
        post("/pages/email", link.clone()),
        post("/pages/undo", link.clone()),
        post("/pages/sign-in", link.clone()),
        post("/pages/disown", link),
        post("/me/email", json!({"new_email": "c@b.example", "password": NEXT_PASSWORD})),
        post("/me/email/complete", code.clone()),
        post("/exchange", json!({"provider": "google", "id_token": "a.b.c"})),
        post("/exchange/complete", code.clone()),
    ]
}

/// Without an admin key in the configuration, every call says so.
fn admin() -> Vec<Route> {
    let off = |name, method: Method, path: &'static str| {
        route("admin", name, 501, move |_| Request::new(method.clone(), path)).code("not_configured")
    };
    vec![
        off("a token", Method::POST, "/admin/token"),
        off("an import", Method::POST, "/admin/import"),
        off("an export", Method::GET, "/admin/export"),
        off("the list", Method::GET, "/admin/users"),
        off("a new account", Method::POST, "/admin/users"),
        off("an account", Method::GET, "/admin/users/019a3c5e-7a10-7c3b-9d2e-4f5a6b7c8d9e"),
        off("a change", Method::PATCH, "/admin/users/019a3c5e-7a10-7c3b-9d2e-4f5a6b7c8d9e"),
        off("a deletion", Method::DELETE, "/admin/users/019a3c5e-7a10-7c3b-9d2e-4f5a6b7c8d9e"),
        off("the sessions of an account", Method::GET, "/admin/users/019a3c5e-7a10-7c3b-9d2e-4f5a6b7c8d9e/sessions"),
        off("the end of a session", Method::DELETE, "/admin/users/019a3c5e-7a10-7c3b-9d2e-4f5a6b7c8d9e/sessions/A"),
        off("the end of all sessions", Method::POST, "/admin/users/019a3c5e-7a10-7c3b-9d2e-4f5a6b7c8d9e/end-sessions"),
        off("a link", Method::POST, "/admin/users/019a3c5e-7a10-7c3b-9d2e-4f5a6b7c8d9e/link"),
        off("a fixed code", Method::PUT, "/admin/users/019a3c5e-7a10-7c3b-9d2e-4f5a6b7c8d9e/test-code"),
        off("a test of the webhook", Method::POST, "/admin/webhooks/test"),
        off("no fixed code", Method::DELETE, "/admin/users/019a3c5e-7a10-7c3b-9d2e-4f5a6b7c8d9e/test-code"),
    ]
}

fn console() -> Vec<Route> {
    let document = |path: &'static str| {
        route("console", path, 200, move |_| Request::get(path)).checked(|body| {
            let url = body["servers"][0]["url"].as_str().expect("a URL");
            assert!(url.starts_with("http") && !url.contains("YOUR-URL"), "{url}");
        })
    };
    vec![
        document("/openapi.json"),
        document("/openapi-3.0.json"),
        document("/flutterflow.json"),
        route("console", "/errors", 200, |_| Request::get("/errors")).checked(|page| {
            assert!(page.as_str().is_some_and(|page| page.contains("id=\"invalid_credentials\"")), "{page}");
        }),
        route("console", "/", 200, |_| Request::get("/")).checked(|page| {
            assert!(page.as_str().is_some_and(|page| page.contains("<main")), "{page}");
        }),
        route("console", "the settings of the page", 200, |_| Request::get("/console/config.json")),
        route("console", "the codes of errors", 200, |_| Request::get("/console/errors.json")),
        route("console", "a guide", 200, |_| Request::get("/console/guides/flutterflow.md")),
        route("console", "a script", 200, |_| Request::get("/console/0/console.js")),
        route("console", "a script that is not there", 404, |_| Request::get("/console/0/nothing.js")),
    ]
}

/// The requests that every function answers alike.
fn common(function: &'static str, path: &'static str) -> Vec<Route> {
    let mut routes = vec![
        route(function, "a method that is not there", 405, move |_| Request::new(Method::PUT, path)),
        route(function, "a preflight", 200, move |_| Request::preflight(path)),
    ];
    if function != "well-known" {
        routes.extend([
            route(function, "a body over 16 KiB", 413, move |account| {
                Request::post(path, &json!({"email": "a".repeat(17 * 1024)})).by(&account.session)
            }),
            route(function, "a body of another type", 415, move |account| {
                Request::text(path, "<a/>").by(&account.session).header("content-type", "text/xml")
            }),
        ]);
    }
    routes.into_iter().map(|route| Route { is_common: true, ..route }).collect()
}

fn ends_of_accounts() -> Vec<Route> {
    vec![
        route("account", "the end of an account, not knowing its password", 403, |account| account.end(WRONG)),
        route("account", "the end of an account by a post, without its password", 403, |account| {
            account.end_by_post(WRONG)
        })
        .code("password_incorrect"),
        route("account", "the end of an account", 200, |account| account.end(NEXT_PASSWORD))
            .checked(|body| assert_eq!(body["deleted"], true)),
    ]
}

fn newcomer() -> Value {
    json!({"email": format!("someone-{}@yopmail.com", tokens::random_id()), "password": PASSWORD})
}

fn is_valid(body: &Value) {
    assert_eq!((&body["valid"], &body["kind"]), (&json!(true), &json!("access_token")), "{body:#}");
}
