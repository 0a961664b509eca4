//! The names of things that people send in a token's place.

use base64::{
    Engine,
    alphabet::{STANDARD, URL_SAFE},
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::URL_SAFE_NO_PAD},
};
use serde_json::{Map, Value};

use super::{begins_as_jwt, is_clean, is_like_jwt};
use crate::{account::refresh_token::RefreshToken, jose::json, text, token::pasted::Wanted};

/// The way to the right token, after a thing that is no refresh token.
pub(super) const REFRESH_TOKEN_IS: &str = "Send `refresh_token` of the last session object.";
const TOKEN_IS: &str = "Send `access_token` of the session object, or what getIdToken() of Firebase answers.";
const ID_TOKEN_IS: &str = "Send the ID token that the provider gave to the app.";
const ADMIN_TOKEN_IS: &str = "Send `admin_token` of the last answer of /admin/token.";
const IS_EMPTY: &str = "The token is empty.";
/// The name of a placeholder.
const UNFILLED: &str = "a placeholder that nothing has filled";
/// The name of words and marks such as `YOUR_TOKEN` or three dots.
const WORDS: &str = "a text that only stands for a token";
const LOG_IN_FIRST: &str = "The variable that should hold the token was empty: log in first, and check its name.";

/// Texts of an empty variable, in small letters.
const EMPTY_VALUES: [&str; 16] = [
    "null",
    "undefined",
    "none",
    "nil",
    "nan",
    "(null)",
    "<null>",
    "<nil>",
    "<none>",
    "void",
    "n/a",
    "true",
    "false",
    "empty",
    "\"\"",
    "''",
];
/// Beginnings of keys that are no token of a user.
const KEYS: [(&str, &str); 17] = [
    ("AIza", "an API key of Google, which names a project and no user"),
    ("AMf-", "a refresh token of Firebase, which only Firebase itself accepts"),
    ("ya29.", "an access token of Google's OAuth, and no ID token"),
    ("1//", "a refresh token of Google's OAuth"),
    ("4/0", "an authorization code of Google's OAuth"),
    ("GOCSPX-", "a client secret of Google's OAuth"),
    ("sb_publishable_", "an API key of Supabase"),
    ("sb_secret_", "a secret API key of Supabase"),
    ("sk_", "a secret API key"),
    ("pk_", "an API key"),
    ("sk-", "a secret API key"),
    ("whsec_", "a secret of webhooks"),
    ("ghp_", "a token of GitHub"),
    ("gho_", "a token of GitHub"),
    ("xoxb-", "a token of Slack"),
    ("AKIA", "an access key of AWS"),
    ("EAA", "a token of Facebook"),
];

/// A sentence about a text that stands where a JWT is expected. `None` if the parts of the text are
/// those of a JWT, so that its flaw says more.
pub(super) fn in_place_of_jwt(text: &str, wanted: Wanted) -> Option<String> {
    let cure = match wanted {
        Wanted::Jwt => TOKEN_IS,
        Wanted::IdToken => ID_TOKEN_IS,
        Wanted::AdminToken => ADMIN_TOKEN_IS,
        Wanted::RefreshToken => REFRESH_TOKEN_IS,
    };
    let sentence = |what: &str, then: &str| Some(format!("This is {what}, where a token is expected. {then}"));
    if let Some((what, then)) = nothing(text) {
        return if what.is_empty() { Some(format!("{IS_EMPTY} {then}")) } else { sentence(&what, then) };
    }
    if is_like_jwt(text) {
        return None;
    }
    if let Some(sentence) = part_of_jwt(text) {
        return Some(sentence.to_owned());
    }
    if RefreshToken::is_like_one(text) {
        let cure = if wanted == Wanted::Jwt { "Send `access_token` of the same session object." } else { cure };
        return sentence("a refresh token, or a text like one", cure);
    }
    sentence(&thing(text)?, cure)
}

/// A sentence about a text that stands where a refresh token is expected.
pub(super) fn in_place_of_refresh_token(text: &str) -> String {
    let sentence = |what: &str, then: &str| format!("This is {what}, where a refresh token is expected. {then}");
    if let Some((what, then)) = nothing(text) {
        return if what.is_empty() { format!("{IS_EMPTY} {then}") } else { sentence(&what, then) };
    }
    if is_like_jwt(text) || part_of_jwt(text).is_some() {
        return sentence("a JWT or a part of one", REFRESH_TOKEN_IS);
    }
    if let Some(thing) = thing(text) {
        return sentence(&thing, REFRESH_TOKEN_IS);
    }
    let length = text.chars().count();
    let fits = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
    let letters = if text.chars().all(fits) { "" } else { " and letters that no refresh token has" };
    format!("A refresh token of this service has 43 characters; this text has {length}{letters}. {REFRESH_TOKEN_IS}")
}

/// A text that stands for no value, and the cure. An empty text has no name.
fn nothing(text: &str) -> Option<(String, &'static str)> {
    let small = text.trim().to_ascii_lowercase();
    if small.is_empty() {
        return Some((String::new(), LOG_IN_FIRST));
    }
    if EMPTY_VALUES.contains(&&*small) {
        return Some((format!("the text {small}"), LOG_IN_FIRST));
    }
    if small.starts_with("[object ") || small.starts_with("instance of ") || small.starts_with("promise {") {
        let cure = "A whole object was written as text: use its member with the token, and wait for a promise.";
        return Some(("the text of an object, such as [object Object]".to_owned(), cure));
    }
    if small == "bearer" {
        return Some(("the word Bearer alone".to_owned(), LOG_IN_FIRST));
    }
    if is_placeholder(&small) {
        return Some((UNFILLED.to_owned(), text::FILL));
    }
    names_token(&small).then(|| (WORDS.to_owned(), text::FILL))
}

/// Whether a text is a placeholder by its marks, and nothing that has another name. Words without
/// marks may be anything, so they are refused as a wrong token is.
pub(super) fn is_unfilled(text: &str) -> bool {
    nothing(text).is_some_and(|(what, _)| what == UNFILLED)
}

/// `<token>`, `{{token}}` and the other placeholders of any field, and the marked ones of a token:
/// `$token`, `:token`, `__token__`.
fn is_placeholder(small: &str) -> bool {
    let is_marked = small.starts_with(['$', ':', '@', '#']) || (small.starts_with("__") && small.ends_with("__"));
    text::is_placeholder(small) || is_marked && is_words(small)
}

/// Whether a text is words about a token, or marks in its place: `YOUR_TOKEN`, `token`, three dots.
fn names_token(small: &str) -> bool {
    let names = ["token", "jwt", "your", "here", "xxx", "paste", "placeholder", "bearer"];
    let is_dots = small.len() > 2 && small.chars().all(|letter| ".…*x-_".contains(letter));
    is_dots || is_words(small) && names.iter().any(|word| small.contains(word))
}

/// Whether a text is short and made of words, perhaps with marks around them.
fn is_words(small: &str) -> bool {
    const LENGTH_MAX: usize = 64;
    let fits = |letter: char| letter.is_ascii_alphabetic() || matches!(letter, '_' | '-' | ' ' | '.' | '$' | '\'');
    let inside = small.trim_matches(|letter: char| "<>{}[]%$:@#_() ".contains(letter));
    small.chars().count() <= LENGTH_MAX && !inside.is_empty() && inside.chars().all(fits)
}

/// A sentence about a JWT of which something is missing, and about more than one.
fn part_of_jwt(text: &str) -> Option<&'static str> {
    if !begins_as_jwt(text) {
        return None;
    }
    if text.to_ascii_lowercase().contains("%2e") {
        return Some("This is a percent-encoded token. No program encodes the dots of a token: send it as it is.");
    }
    let parts: Vec<&str> = text.split('.').collect();
    let is_encrypted = || header(parts.first()?)?.get("enc").map(drop);
    match parts.as_slice() {
        [_, _, _, _, _] if is_encrypted().is_some() => Some(
            "This is an encrypted JWT (JWE), which has five parts. Encrypted tokens are not accepted: send a signed one.",
        ),
        _ if is_several(text) => Some("These are two tokens or more, where one is expected. Send one of them."),
        [_, payload] if URL_SAFE_NO_PAD.decode(payload).is_ok_and(|payload| json::object(&payload).is_ok()) => Some(
            "This is a JWT without its signature: the third part is missing. A JWT has three parts divided by dots.",
        ),
        [_] | [_, _] => {
            Some("This is the beginning of a JWT, and its end is missing. A JWT has three parts divided by dots.")
        }
        _ => None,
    }
}

/// Whether a text is a list of tokens, however they are divided.
fn is_several(text: &str) -> bool {
    let is_token = |piece: &&str| is_clean(piece, Wanted::Jwt);
    let divided = text.split(|letter: char| letter.is_whitespace() || ",;|".contains(letter)).filter(is_token).count();
    // Without anything between them, the signature of one is followed by the header of the next.
    let parts: Vec<&str> = text.split('.').collect();
    divided > 1 || (parts.len() >= 5 && parts.get(2).is_some_and(|part| part.contains("ey")))
}

/// The header of a JWT, if it is whole.
fn header(part: &str) -> Option<Map<String, Value>> {
    json::object(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

/// A thing that is no token, with its article.
fn thing(text: &str) -> Option<String> {
    let small = text.to_ascii_lowercase();
    let no_blanks = !text.contains(char::is_whitespace);
    if let Some((_, name)) = KEYS.iter().find(|(start, _)| text.starts_with(start)).filter(|_| no_blanks) {
        return Some((*name).to_owned());
    }
    let name = match text {
        _ if text.starts_with(['{', '[']) => return Some(json_thing(text).to_owned()),
        _ if text.starts_with("-----BEGIN") => "a key or a certificate",
        _ if small.starts_with("basic ") => "the name and password of Basic authentication",
        _ if ["digest ", "negotiate ", "ntlm ", "aws4-hmac"].iter().any(|scheme| small.starts_with(scheme)) => {
            "the credentials of another scheme than Bearer"
        }
        _ if small.starts_with('<') => "HTML or XML",
        _ if is_several_refresh_tokens(text) => "a list of tokens",
        _ if text.contains("://") || small.starts_with("www.") || small.starts_with("data:") => "a URL",
        _ if is_uuid(text) => "a UUID, as the ids of users are",
        _ if is_address(text) => "an e-mail address",
        _ if text.parse::<f64>().is_ok() => "a number",
        _ if text.len() >= 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) => "a hexadecimal number",
        _ if is_base64_of_text(text) => "base64 of something: decode it once",
        _ => return None,
    };
    Some(name.to_owned())
}

/// A JSON text, by the members that give it away.
fn json_thing(text: &str) -> &'static str {
    let Ok(value) = serde_json::from_str::<Value>(text) else { return "a piece of JSON that is not complete" };
    let has = |name: &str| value.get(name).is_some();
    match &value {
        Value::Array(items) if items.len() > 1 => "a list of several values",
        Value::Array(_) => "a list: take its entry",
        _ if has("private_key") || value.get("type").and_then(Value::as_str) == Some("service_account") => {
            "the file of a service account, which is a secret: make a new key if it was sent to a client"
        }
        _ if has("keys") || has("kty") => "a JSON Web Key",
        _ if has("apiKey") || has("project_info") => "the configuration of a Firebase app",
        _ if has("signatures") || (has("payload") && has("signature")) => "a JWS in JSON, and not in its short form",
        _ if has("refresh_token") || has("refreshToken") => "an object that has a refresh token and no other token",
        _ if has("error") || (has("code") && has("message")) => "the answer to an error",
        _ if has("iss") || has("sub") || has("exp") => "the decoded payload of a token, without its signature",
        _ => "JSON without a token in it",
    }
}

fn is_several_refresh_tokens(text: &str) -> bool {
    let pieces = text.split(|letter: char| letter.is_whitespace() || ",;|".contains(letter));
    pieces.filter(|piece| RefreshToken::is_like_one(piece)).count() > 1
}

fn is_uuid(text: &str) -> bool {
    let lengths: Vec<usize> = text.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12] && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

fn is_address(text: &str) -> bool {
    let parts = text.split_once('@').is_some_and(|(name, domain)| !name.is_empty() && domain.contains('.'));
    parts && !text.contains(char::is_whitespace)
}

/// Whether a text is base64 of JSON or of a JWT.
fn is_base64_of_text(text: &str) -> bool {
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let decoded = [&STANDARD, &URL_SAFE].into_iter().find_map(|of| GeneralPurpose::new(of, config).decode(text).ok());
    decoded.is_some_and(|bytes| {
        let text = String::from_utf8_lossy(&bytes);
        json::object(&bytes).is_ok() || is_clean(text.trim(), Wanted::Jwt)
    })
}
