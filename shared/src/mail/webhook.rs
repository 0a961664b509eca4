//! The secret that signs webhooks, in the way of Standard Webhooks
//! (<https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>).

use std::fmt;

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{Request, Uri, header};
use http_body_util::Full;

/// The beginning of a secret's text.
const PREFIX: &str = "whsec_";
/// The least and the greatest length of a secret, in bytes.
const BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// The most secrets at a time. Two are enough while one takes the place of another.
const SECRETS_MAX: usize = 4;

/// A secret, or several while one takes the place of another. A receiver accepts a message if one
/// of the signatures is right.
pub struct WebhookSecret(Vec<hmac::Key>);

impl WebhookSecret {
    /// Reads 24 to 64 bytes in base64, with or without `whsec_` before them. White space separates
    /// several.
    ///
    /// # Errors
    ///
    /// A clause that follows the name of the source and quotes nothing.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        const FORM: &str = "must be whsec_ and the base64 of 24 to 64 random bytes: \
                            echo whsec_$(openssl rand -base64 32) makes one";
        let key = |encoded: &str| {
            let bytes = STANDARD.decode(encoded.strip_prefix(PREFIX).unwrap_or(encoded)).ok()?;
            BYTES.contains(&bytes.len()).then(|| hmac::Key::new(hmac::HMAC_SHA256, &bytes))
        };
        let keys: Vec<_> = text.split_whitespace().map(key).collect::<Option<_>>().ok_or(FORM)?;
        match keys.len() {
            0 => Err(FORM),
            1..=SECRETS_MAX => Ok(Self(keys)),
            _ => Err("has more than 4 secrets"),
        }
    }

    /// The header `webhook-signature` of a message, with a signature for each secret. `seconds` is
    /// the header `webhook-timestamp`.
    pub fn sign(&self, id: &str, seconds: i64, body: &str) -> String {
        let signed = format!("{id}.{seconds}.{body}");
        let signatures = self.0.iter().map(|key| format!("v1,{}", STANDARD.encode(hmac::sign(key, signed.as_bytes()))));
        signatures.collect::<Vec<_>>().join(" ")
    }

    /// A signed call of `url` with a JSON body. `seconds` is the time of the call.
    ///
    /// # Errors
    ///
    /// The id is no text for a header.
    pub fn call(&self, url: &Uri, id: &str, seconds: i64, body: String) -> Result<Request<Full<Bytes>>, http::Error> {
        Request::post(url)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::USER_AGENT, concat!("latchkey/", env!("CARGO_PKG_VERSION")))
            .header("webhook-id", id)
            .header("webhook-timestamp", seconds)
            .header("webhook-signature", self.sign(id, seconds, &body))
            .body(Full::new(Bytes::from(body)))
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("WebhookSecret")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification.
    #[test]
    fn the_example_of_the_standard_has_its_signature() {
        let secret = WebhookSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signature = secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_secret_of_another_form_or_length_is_refused() {
        let of = |bytes: usize| format!("whsec_{}", STANDARD.encode(vec![7; bytes]));
        let many = |count| vec![of(24); count].join("\n");
        for text in [&of(24), &of(64), "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", &many(4), &format!(" {} \n", of(32))] {
            assert!(WebhookSecret::parse(text).is_ok(), "{text}");
        }
        for text in ["", " ", "whsec_", "hunter2", "whsec_***", &of(23), &of(65), &many(5), &format!("{} no", of(24))] {
            assert!(WebhookSecret::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn each_of_several_secrets_makes_the_signature_that_it_makes_alone() {
        let (new, old) = (format!("whsec_{}", STANDARD.encode([1; 32])), format!("whsec_{}", STANDARD.encode([2; 32])));
        let sign = |secret: &str| WebhookSecret::parse(secret).unwrap().sign("id", 7, "{}");
        assert_eq!(sign(&format!("{new}\n{old}\n")), format!("{} {}", sign(&new), sign(&old)));
    }
}
