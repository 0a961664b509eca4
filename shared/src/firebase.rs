//! Firebase: the service account, and the custom tokens it signs for `signInWithCustomToken`.

use std::{collections::BTreeSet, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use jsonwebtoken::Header;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::{
    clock::Timestamp,
    error::Error,
    kind::CUSTOM_TOKEN_AUDIENCE,
    rsa::{self, RsaKey},
    token::{self, Token},
};

/// The longest uid, in bytes.
const UID_BYTES_MAX: usize = 128;
/// The life of a custom token, in seconds (Identity Platform: "a maximum of 3600 seconds later than the iat").
const LIFE_SECONDS: std::ops::RangeInclusive<i64> = 60..=3600;
/// OpenID Connect's own claims, which `claims` may not set. The list of the Identity Platform page.
const RESERVED: [&str; 16] = [
    "acr",
    "amr",
    "at_hash",
    "aud",
    "auth_time",
    "azp",
    "c_hash",
    "cnf",
    "exp",
    "firebase",
    "iat",
    "iss",
    "jti",
    "nbf",
    "nonce",
    "sub",
];

/// A Google service account that signs custom tokens.
#[derive(Debug)]
pub struct ServiceAccount {
    /// `iss` and `sub` of its tokens.
    pub email: String,
    /// The Firebase project it belongs to.
    pub project_id: String,
    /// What had to be repaired in the text it was read from.
    pub repairs: Vec<&'static str>,
    key: RsaKey,
}

impl ServiceAccount {
    /// To be replaced.
    ///
    /// # Errors
    ///
    /// As parse.
    pub fn parse_as(text: &str, _: Option<&str>, _: Option<&str>) -> Result<Self, String> {
        Self::parse(text)
    }

    /// Reads the file that Google gives out, or base64 of it.
    ///
    /// # Errors
    ///
    /// A sentence that names the mistake and never quotes the input.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        // `base64` breaks its lines.
        let unbroken = || text.split_whitespace().collect::<String>();
        let decoded = if text.starts_with('{') { None } else { STANDARD.decode(unbroken()).ok() };
        let document: Map<String, Value> = serde_json::from_slice(decoded.as_deref().unwrap_or(text.as_bytes()))
            .map_err(|_| "The service account is not the JSON file that Google gives out, nor base64 of it.")?;
        let member = |name: &str| document.get(name).and_then(Value::as_str).filter(|value| !value.is_empty());
        if member("type") != Some("service_account") {
            return Err(
                "The service account is another kind of file: its `type` is not `service_account`. Take the one \
                        from Project settings, Service accounts, Generate new private key."
                    .to_owned(),
            );
        }
        let required = |name: &str| member(name).ok_or_else(|| format!("The service account has no `{name}`."));
        let key = RsaKey::from_pem(required("private_key")?)
            .map_err(|refusal| format!("The private key of the service account {refusal}."))?;
        Ok(Self {
            email: required("client_email")?.to_owned(),
            project_id: required("project_id")?.to_owned(),
            repairs: Vec::new(),
            key,
        })
    }

    /// Makes an account of a project that only the Auth emulator knows, as the file Google would give out.
    ///
    /// # Errors
    ///
    /// The random source failed.
    pub fn generate_demo(project_id: &str) -> Result<String, aws_lc_rs::error::Unspecified> {
        let private_key = RsaKey::generate()?;
        let account = json!({
            "type": "service_account",
            "project_id": project_id,
            "private_key_id": "demo",
            "private_key": private_key,
            "client_email": format!("latchkey@{project_id}.iam.gserviceaccount.com"),
            "client_id": "0",
            "token_uri": "https://oauth2.googleapis.com/token",
        });
        Ok(format!("{account:#}\n"))
    }

    /// Makes a custom token, and checks it as Firebase will before it leaves: its holder only ever hears "invalid custom
    /// token", so the reason must be found here.
    ///
    /// # Errors
    ///
    /// [`Refusal::Request`] for a uid, claims, tenant or life that Firebase would refuse.
    pub fn custom_token(&self, request: &CustomToken<'_>, now: Timestamp) -> Result<String, Refusal> {
        request.check()?;
        let payload = Payload {
            iss: &self.email,
            sub: &self.email,
            aud: CUSTOM_TOKEN_AUDIENCE,
            iat: now.seconds(),
            exp: (now + request.life).seconds(),
            uid: request.uid,
            claims: request.claims,
            tenant_id: request.tenant_id,
        };
        let token = token::sign(&Header::new(rsa::ALGORITHM), &payload, &self.key).map_err(Refusal::Fault)?;
        self.check(&token, request.uid).map_err(|broken| Refusal::Fault(Error::internal(broken)))?;
        Ok(token)
    }

    /// The rules of a custom token, applied to the finished text.
    fn check(&self, text: &str, uid: &str) -> Result<(), String> {
        let token = Token::parse(text)?;
        let claim = |name: &str| token.claims.get(name);
        let rules = [
            (token.header().get("alg").is_some_and(|alg| alg == "RS256"), "alg is RS256"),
            (!token.header().contains_key("kid"), "the header has no kid"),
            (claim("iss") == Some(&Value::from(self.email.as_str())), "iss is the service account"),
            (claim("sub") == claim("iss"), "sub is iss"),
            (claim("aud").is_some_and(|aud| aud == CUSTOM_TOKEN_AUDIENCE), "aud is the Identity Toolkit"),
            (claim("uid") == Some(&Value::from(uid)), "uid is the one asked for"),
            (life(&token).is_some_and(|life| LIFE_SECONDS.contains(&life)), "exp - iat is 60 to 3600"),
            (token.is_signed_by(self.key.public()), "the signature is that of the service account's key"),
        ];
        match rules.into_iter().find(|(holds, _)| !holds) {
            Some((_, rule)) => Err(format!("a minted custom token breaks the rule: {rule}")),
            None => Ok(()),
        }
    }
}

fn life(token: &Token) -> Option<i64> {
    Some(token.seconds("exp")?.seconds() - token.seconds("iat")?.seconds())
}

/// What a custom token is to say.
#[derive(Clone, Debug)]
pub struct CustomToken<'a> {
    /// 1–128 bytes.
    pub uid: &'a str,
    /// Become top-level claims of the ID token. None is left out of the token.
    pub claims: Option<&'a Map<String, Value>>,
    /// For projects with multi-tenancy.
    pub tenant_id: Option<&'a str>,
    /// From one minute to one hour.
    pub life: Duration,
}

/// Why there is no custom token.
#[derive(Debug)]
pub enum Refusal {
    /// Firebase would refuse it: a sentence that says why.
    Request(String),
    /// Signing failed, or its result did not pass the check.
    Fault(Error),
}

impl CustomToken<'_> {
    fn check(&self) -> Result<(), Refusal> {
        let refuse = |sentence: &str| Err(Refusal::Request(sentence.to_owned()));
        if self.uid.is_empty() || self.uid.len() > UID_BYTES_MAX {
            return refuse("A uid has 1 to 128 bytes.");
        }
        if self.tenant_id.is_some_and(str::is_empty) {
            return refuse("A tenant id is not empty.");
        }
        if !LIFE_SECONDS.contains(&i64::try_from(self.life.as_secs()).unwrap_or(i64::MAX)) {
            return refuse("A custom token lives 60 to 3600 seconds.");
        }
        let given: BTreeSet<&str> = self.claims.into_iter().flat_map(Map::keys).map(String::as_str).collect();
        let reserved: Vec<&str> = RESERVED.into_iter().filter(|name| given.contains(name)).collect();
        if reserved.is_empty() {
            Ok(())
        } else {
            refuse(&format!("These claims are reserved and cannot be set: {}.", reserved.join(", ")))
        }
    }
}

#[derive(Serialize)]
struct Payload<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
    uid: &'a str,
    #[serde(skip_serializing_if = "no_claims")]
    claims: Option<&'a Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant_id: Option<&'a str>,
}

/// serde asks by reference.
fn no_claims(claims: &Option<&Map<String, Value>>) -> bool {
    claims.is_none_or(Map::is_empty)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_779_890_400);

    fn account() -> ServiceAccount {
        ServiceAccount::parse(&ServiceAccount::generate_demo("demo-latchkey").unwrap()).unwrap()
    }

    fn request(uid: &str) -> CustomToken<'_> {
        CustomToken { uid, claims: None, tenant_id: None, life: Duration::from_secs(3600) }
    }

    #[test]
    fn a_custom_token_says_what_firebase_asks_for_and_no_more() {
        let token = Token::parse(&account().custom_token(&request("user-1"), NOW).unwrap()).unwrap();
        assert_eq!(Value::Object(token.header().clone()), json!({"alg": "RS256", "typ": "JWT"}));
        assert_eq!(
            Value::Object(token.claims),
            json!({
                "iss": "latchkey@demo-latchkey.iam.gserviceaccount.com",
                "sub": "latchkey@demo-latchkey.iam.gserviceaccount.com",
                "aud": "https://identitytoolkit.googleapis.com/google.identity.identitytoolkit.v1.IdentityToolkit",
                "iat": 1_779_890_400, "exp": 1_779_894_000, "uid": "user-1",
            })
        );
    }

    #[test]
    fn claims_and_tenant_are_there_when_given_and_not_when_empty() {
        let claims = json!({"premium": true}).as_object().unwrap().clone();
        let given = CustomToken { claims: Some(&claims), tenant_id: Some("t-1"), ..request("u") };
        let token = Token::parse(&account().custom_token(&given, NOW).unwrap()).unwrap();
        assert_eq!(token.claims.get("claims").unwrap(), &json!({"premium": true}));
        assert_eq!(token.claims.get("tenant_id").unwrap(), "t-1");
        let empty = CustomToken { claims: Some(&Map::new()), ..request("u") };
        let token = Token::parse(&account().custom_token(&empty, NOW).unwrap()).unwrap();
        assert!(!token.claims.contains_key("claims"));
    }

    #[test]
    fn what_firebase_would_refuse_is_refused_with_a_reason() {
        let account = account();
        let refusal = |request: &CustomToken<'_>| match account.custom_token(request, NOW).unwrap_err() {
            Refusal::Request(sentence) => sentence,
            Refusal::Fault(fault) => panic!("{fault:?}"),
        };
        assert_eq!(refusal(&request("")), "A uid has 1 to 128 bytes.");
        assert_eq!(refusal(&request(&"é".repeat(65))), "A uid has 1 to 128 bytes.");
        assert!(account.custom_token(&request(&"é".repeat(64)), NOW).is_ok());
        assert_eq!(refusal(&CustomToken { tenant_id: Some(""), ..request("u") }), "A tenant id is not empty.");
        for seconds in [0, 59, 3601] {
            let life = Duration::from_secs(seconds);
            assert_eq!(refusal(&CustomToken { life, ..request("u") }), "A custom token lives 60 to 3600 seconds.");
        }
        let claims = RESERVED.iter().map(|name| ((*name).to_owned(), json!(1))).collect();
        assert_eq!(
            refusal(&CustomToken { claims: Some(&claims), ..request("u") }),
            "These claims are reserved and cannot be set: acr, amr, at_hash, aud, auth_time, azp, c_hash, cnf, exp, \
             firebase, iat, iss, jti, nbf, nonce, sub."
        );
    }

    #[test]
    fn a_service_account_is_read_from_its_file_or_base64_of_it() {
        let file = ServiceAccount::generate_demo("p").unwrap();
        assert_eq!(ServiceAccount::parse(&file).unwrap().project_id, "p");
        let encoded = STANDARD.encode(&file);
        assert_eq!(ServiceAccount::parse(&encoded).unwrap().project_id, "p");
        assert_eq!(
            ServiceAccount::parse(&format!("{}\n{}\n", &encoded[..76], &encoded[76..])).unwrap().project_id,
            "p"
        );
    }

    #[test]
    fn another_file_than_a_service_account_is_refused_by_name() {
        let with = |name: &str, value: Value| {
            let mut document: Value = serde_json::from_str(&ServiceAccount::generate_demo("p").unwrap()).unwrap();
            document[name] = value;
            ServiceAccount::parse(&document.to_string()).unwrap_err()
        };
        assert!(ServiceAccount::parse("hello").unwrap_err().contains("is not the JSON file"));
        assert!(ServiceAccount::parse("{\"project_info\":{}}").unwrap_err().contains("another kind of file"));
        assert!(with("type", json!("authorized_user")).contains("another kind of file"));
        assert_eq!(with("client_email", json!("")), "The service account has no `client_email`.");
        assert_eq!(with("private_key", json!("x")), "The private key of the service account is not PEM text.");
    }
}
