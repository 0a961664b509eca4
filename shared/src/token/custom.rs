//! Makes Firebase custom tokens.

mod rules;

pub use rules::{flaws, is_uid, warnings};

use std::{ops::RangeInclusive, time::Duration};

use jsonwebtoken::Header;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    error::Error,
    jose::{jwt::Jwt, kind::CUSTOM_TOKEN_AUDIENCE, rsa},
    keys::{service_account::ServiceAccount, signer::Signed},
    time::Timestamp,
};

/// The accepted lives of a custom token, in seconds. Identity Platform: "a maximum of 3600 seconds
/// later than the iat".
const LIFE_SECONDS: RangeInclusive<i64> = 60..=3600;
/// The most characters of claims without a warning. Firebase has this limit for the claims that are
/// stored with an account. The claims of a custom token are in every ID token as well.
const CLAIMS_CHARACTERS_ADVISED: usize = 1000;
/// Claims of a custom token that Firebase replaces in the ID token with its own values. `auth_time`
/// is one more, but it is reserved and never gets here.
const OVERWRITTEN: [&str; 4] = ["email", "email_verified", "phone_number", "user_id"];

/// The message for a wrong tenant id.
const TENANT_ID_RULE: &str =
    "A tenant id has only letters, digits, `-`, `.`, `_` and `~`, at least one of them, and no dot at its end.";

/// Whether `text` can be the id of a tenant. The rule is from the Admin SDK for Node: the id has
/// only characters that need no escape in a URL.
pub fn is_tenant_id(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    !text.is_empty() && text.bytes().all(fits) && !text.ends_with('.')
}

/// A request for a custom token.
#[derive(Clone, Debug)]
pub struct CustomToken<'a> {
    /// The user's id, 1 to 128 bytes.
    pub uid: &'a str,
    /// Claims that become top-level claims of the ID token.
    pub claims: Option<&'a Map<String, Value>>,
    /// The tenant's id, for projects with multi-tenancy.
    pub tenant_id: Option<&'a str>,
    /// The life of the token, one minute to one hour.
    pub life: Duration,
}

/// The reason why no custom token was made.
#[derive(Debug)]
pub enum CustomTokenError {
    /// Firebase would refuse the token. The sentence says why.
    Request(String),
    /// Signing failed, or the signed token did not pass the check.
    Fault(Error),
}

impl ServiceAccount {
    /// Makes a custom token, and checks it by Firebase's rules. Firebase tells a user no more than
    /// "invalid custom token", so the reason must be found here.
    ///
    /// # Errors
    ///
    /// [`CustomTokenError::Request`] for a uid, claims, a tenant or a life that Firebase would
    /// refuse, and for claims that make the token unreadable. Otherwise
    /// [`CustomTokenError::Fault`].
    pub async fn custom_token(&self, request: &CustomToken<'_>, now: Timestamp) -> Result<String, CustomTokenError> {
        request.check().map_err(CustomTokenError::Request)?;
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
        let signed = self.signer.sign(&Header::new(rsa::ALGORITHM), &payload, now).await;
        let Signed { token: text, key } = signed.map_err(CustomTokenError::Fault)?;
        // Only the request can make the token too long or too deeply nested, or put a NUL into it.
        let token = Jwt::parse(&text).map_err(CustomTokenError::Request)?;
        let fault = |sentence: String| {
            CustomTokenError::Fault(Error::internal(format!("a new custom token is wrong: {sentence}")))
        };
        self.check(&token, &[key], now, Duration::ZERO, LIFE_SECONDS).map_err(fault)?;
        if token.claims.get("uid").and_then(Value::as_str) == Some(request.uid) {
            Ok(text)
        } else {
            Err(fault("Its `uid` is not the requested one.".to_owned()))
        }
    }
}

impl CustomToken<'_> {
    /// Warnings, as sentences, about claims that Firebase accepts and that have an unexpected
    /// effect.
    pub fn warnings(&self) -> Vec<String> {
        self.claims.map(claim_warnings).unwrap_or_default()
    }

    fn check(&self) -> Result<(), String> {
        if !is_uid(self.uid) {
            return Err("A uid has 1 to 128 bytes.".to_owned());
        }
        if !self.tenant_id.is_none_or(is_tenant_id) {
            return Err(TENANT_ID_RULE.to_owned());
        }
        if !LIFE_SECONDS.contains(&i64::try_from(self.life.as_secs()).unwrap_or(i64::MAX)) {
            return Err("A custom token lives 60 to 3600 seconds.".to_owned());
        }
        self.claims.map_or(Ok(()), rules::nothing_reserved)
    }
}

/// Warnings about the claims inside `claims`.
fn claim_warnings(claims: &Map<String, Value>) -> Vec<String> {
    let overwritten: Vec<&str> = OVERWRITTEN.into_iter().filter(|name| claims.contains_key(*name)).collect();
    let mut warnings = Vec::new();
    if !overwritten.is_empty() {
        let names = overwritten.join(", ");
        warnings.push(format!("Firebase overwrites these claims in the ID token with its own values: {names}."));
    }
    let characters = serde_json::to_string(claims).map_or(0, |text| text.chars().count());
    if characters > CLAIMS_CHARACTERS_ADVISED {
        warnings.push(format!(
            "The claims are {characters} characters of JSON, and every ID token contains them. Use at most \
             {CLAIMS_CHARACTERS_ADVISED}."
        ));
    }
    warnings
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

/// Whether the token has no `claims`. serde needs a function of a reference.
fn no_claims(claims: &Option<&Map<String, Value>>) -> bool {
    claims.is_none_or(Map::is_empty)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{block_on, service_account};

    const NOW: Timestamp = Timestamp::from_seconds(1_779_890_400);

    fn account() -> ServiceAccount {
        ServiceAccount::parse(service_account()).unwrap()
    }

    fn request(uid: &str) -> CustomToken<'_> {
        CustomToken { uid, claims: None, tenant_id: None, life: Duration::from_secs(3600) }
    }

    fn signed(request: &CustomToken<'_>) -> Result<String, CustomTokenError> {
        block_on(account().custom_token(request, NOW))
    }

    #[track_caller]
    fn refusal(request: &CustomToken<'_>) -> String {
        match signed(request).unwrap_err() {
            CustomTokenError::Request(sentence) => sentence,
            CustomTokenError::Fault(fault) => panic!("{fault:?}"),
        }
    }

    #[test]
    fn a_custom_token_says_what_firebase_asks_for_and_no_more() {
        let token = Jwt::parse(&signed(&request("user-1")).unwrap()).unwrap();
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
        let token = Jwt::parse(&signed(&given).unwrap()).unwrap();
        assert_eq!(token.claims.get("claims").unwrap(), &json!({"premium": true}));
        assert_eq!(token.claims.get("tenant_id").unwrap(), "t-1");
        let empty = CustomToken { claims: Some(&Map::new()), ..request("u") };
        let token = Jwt::parse(&signed(&empty).unwrap()).unwrap();
        assert!(!token.claims.contains_key("claims"));
    }

    #[test]
    fn what_firebase_would_refuse_is_refused_with_a_reason() {
        assert_eq!(refusal(&request("")), "A uid has 1 to 128 bytes.");
        assert_eq!(refusal(&request(&"é".repeat(65))), "A uid has 1 to 128 bytes.");
        assert!(signed(&request(&"é".repeat(64))).is_ok());
        assert_eq!(refusal(&CustomToken { tenant_id: Some(""), ..request("u") }), TENANT_ID_RULE);
        for id in ["Büro", "a b", "a/b", "a\n", "a."] {
            assert_eq!(refusal(&CustomToken { tenant_id: Some(id), ..request("u") }), TENANT_ID_RULE);
        }
        assert!(signed(&CustomToken { tenant_id: Some("a.B-~_1"), ..request("u") }).is_ok());
        for seconds in [0, 59, 3601] {
            let life = Duration::from_secs(seconds);
            assert_eq!(refusal(&CustomToken { life, ..request("u") }), "A custom token lives 60 to 3600 seconds.");
        }
        let claims = rules::RESERVED.iter().map(|name| ((*name).to_owned(), json!(1))).collect();
        assert_eq!(
            refusal(&CustomToken { claims: Some(&claims), ..request("u") }),
            "These claims are reserved and cannot be set: acr, amr, at_hash, aud, auth_time, azp, c_hash, cnf, exp, \
             firebase, iat, iss, jti, nbf, nonce, sub."
        );
    }

    #[test]
    fn a_request_that_makes_the_token_unreadable_is_refused_and_is_not_a_fault() {
        let with = |value: Value| {
            let claims = Map::from_iter([("a".to_owned(), value)]);
            refusal(&CustomToken { claims: Some(&claims), ..request("u") })
        };
        let deep = (0..32).fold(json!(1), |inner, _| json!([inner]));
        assert_eq!(with(json!("x".repeat(16 * 1024))), "The token is longer than 16 KiB.");
        assert_eq!(with(deep), "The token's payload is nested deeper than 32 levels.");
        assert_eq!(refusal(&request("a\0b")), "The token's payload has a NUL character in a text.");
    }

    #[test]
    fn overwritten_claims_and_long_claims_cause_a_warning() {
        let warnings = |claims: Value| CustomToken { claims: claims.as_object(), ..request("u") }.warnings();
        assert_eq!(request("u").warnings(), [""; 0]);
        assert_eq!(warnings(json!({"name": "n", "picture": "p", "role": "r", "e": {"email": 1}})), [""; 0]);
        assert_eq!(
            warnings(json!({"user_id": "u", "email": "a@b.de", "phone_number": "1", "email_verified": true})),
            ["Firebase overwrites these claims in the ID token with its own values: email, email_verified, \
              phone_number, user_id."]
        );
        // `{"a":"…"}` has eight characters besides the text in the second pair of quotes.
        assert_eq!(warnings(json!({"a": "é".repeat(992)})), [""; 0]);
        let long = warnings(json!({"a": "é".repeat(993)}));
        assert!(long.len() == 1 && long[0].starts_with("The claims are 1001 characters"), "{long:?}");
    }
}
