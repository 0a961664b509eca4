//! The layers around a pasted token. Each is recognised by characters that no token has, or holds
//! nothing but a token, so that no token is changed.

use serde_json::{Map, Value};

use super::{Wanted, begins_as_jwt, is_clean, is_like_jwt, is_like_token};
use crate::{
    account::refresh_token::RefreshToken,
    jose::json,
    text::{self, is_bidi_control},
};

/// The quotes of keyboards, of word processors and of source code.
const QUOTES: [char; 16] = ['"', '\'', '`', '´', '“', '”', '„', '‟', '‘', '’', '‚', '‛', '«', '»', '‹', '›'];
/// Brackets that people write around a value. Square ones make a list.
const BRACKETS: [(&str, &str); 5] = [("${", "}"), ("{{", "}}"), ("{", "}"), ("<", ">"), ("(", ")")];
/// The names under which an object holds a JWT, best first.
const JWT_NAMES: [&str; 9] =
    ["access_token", "accessToken", "id_token", "idToken", "jwt_token", "jwtToken", "jwt", "token", "customToken"];
/// The names under which an object of a provider's library holds an ID token, best first.
const ID_TOKEN_NAMES: [&str; 8] =
    ["id_token", "idToken", "identityToken", "authenticationToken", "credential", "jwt", "token", "access_token"];
const ADMIN_TOKEN_NAMES: [&str; 4] = ["admin_token", "adminToken", "token", "access_token"];
const REFRESH_TOKEN_NAMES: [&str; 2] = ["refresh_token", "refreshToken"];

/// The layer that is no mistake.
pub(super) const BLANKS_AROUND: &str = "white space around it";

/// A layer: its name, and the text inside.
type Layer = (&'static str, String);

/// Takes off the outermost layer. `None` if there is none.
pub(super) fn uncover(text: &str, wanted: Wanted) -> Option<Layer> {
    let layers: [fn(&str, Wanted) -> Option<Layer>; 11] = [
        |text, _| invisible(text),
        |text, _| trimmed(text),
        |text, _| header(text),
        |text, _| literal(text),
        json_text,
        named,
        |text, _| quoted(text),
        |text, _| bracketed(text),
        |text, _| punctuated(text),
        |text, _| percent_encoded(text),
        broken,
    ];
    layers.into_iter().find_map(|layer| layer(text, wanted)).filter(|(_, inside)| inside != text)
}

/// Characters without a width, marks of direction, byte order marks and control characters.
fn invisible(pasted: &str) -> Option<Layer> {
    let is_invisible = |letter: char| {
        let is_control = letter.is_control() && !letter.is_whitespace();
        let is_variation = ('\u{fe00}'..='\u{fe0f}').contains(&letter);
        text::is_invisible(letter) || is_bidi_control(letter) || is_control || is_variation
    };
    let visible: String = pasted.chars().filter(|letter| !is_invisible(*letter)).collect();
    (visible.len() < pasted.len()).then_some(("characters that nobody sees", visible))
}

fn trimmed(text: &str) -> Option<Layer> {
    let trimmed = text.trim();
    (trimmed.len() < text.len()).then(|| (BLANKS_AROUND, trimmed.to_owned()))
}

/// The name of the header, and the word before a token in it.
fn header(text: &str) -> Option<Layer> {
    ["authorization", "proxy-authorization", "bearer", "jwt", "token"].into_iter().find_map(|word| {
        let (start, rest) = text.split_at_checked(word.len())?;
        let bare = rest.trim_start().trim_start_matches([':', '=']).trim_start();
        let is_apart = rest.starts_with([' ', '\t', '\r', '\n', ':', '=', '+', '%', '"', '\'']) || begins_as_jwt(rest);
        let is_word = start.eq_ignore_ascii_case(word) && is_apart && !bare.is_empty();
        // A form writes a blank as a plus sign.
        let bare = bare.strip_prefix('+').unwrap_or(bare);
        is_word.then(|| ("the words of the Authorization header", bare.to_owned()))
    })
}

/// A literal of a programming language: `b'…'`, or a call such as `Optional("…")`.
fn literal(text: &str) -> Option<Layer> {
    let inside = match text.as_bytes() {
        [b'b' | b'B' | b'r' | b'u' | b'f', b'\'' | b'"', .., b'\'' | b'"'] => text.get(1..),
        _ => {
            let (name, rest) = text.split_once('(')?;
            let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            rest.strip_suffix(')').filter(|inside| is_name && is_like_token(inside.trim_matches(QUOTES)))
        }
    };
    Some(("the syntax of a programming language", inside?.to_owned()))
}

/// JSON: a text, or an object with a token in it.
fn json_text(text: &str, wanted: Wanted) -> Option<Layer> {
    match text.as_bytes().first()? {
        b'"' => Some(("quotes", serde_json::from_str::<String>(text).ok()?)),
        b'{' => {
            let object = json::object(text.as_bytes()).ok()?;
            Some(("the object around it", token_of(&object, wanted)?))
        }
        _ => None,
    }
}

fn names_of(wanted: Wanted) -> &'static [&'static str] {
    match wanted {
        Wanted::Jwt => &JWT_NAMES,
        Wanted::IdToken => &ID_TOKEN_NAMES,
        Wanted::AdminToken => &ADMIN_TOKEN_NAMES,
        Wanted::RefreshToken => &REFRESH_TOKEN_NAMES,
    }
}

/// The token in a session object, in the answer of a Firebase service or in a Firebase user.
fn token_of(object: &Map<String, Value>, wanted: Wanted) -> Option<String> {
    let names = names_of(wanted);
    let filled = |name: &&str| object.get(*name).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
    let here = names.iter().find_map(filled).map(str::to_owned);
    here.or_else(|| object.values().filter_map(Value::as_object).find_map(|inner| token_of(inner, wanted)))
}

/// The JWTs in an object and in the objects inside, with their names, each text once.
pub(super) fn jwts(object: &Map<String, Value>) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    for (name, value) in object {
        let inside = match value {
            Value::String(text) if is_clean(text, Wanted::Jwt) => vec![(name.clone(), text.clone())],
            Value::Object(inner) => jwts(inner),
            _ => Vec::new(),
        };
        for (name, token) in inside {
            if found.iter().all(|(_, other)| *other != token) {
                found.push((name, token));
            }
        }
    }
    found
}

/// A name before the token, as in a form, a fragment of a URL, a cookie, source code or YAML.
fn named(text: &str, wanted: Wanted) -> Option<Layer> {
    const NAME: &str = "its name";
    let is_url = text.contains("://") && !text.contains(char::is_whitespace);
    let bare = if is_url { text.rsplit_once(['#', '?'])?.1 } else { text };
    let bare = bare.trim_start_matches(['#', '?', '&', '-']);
    let pairs: Vec<(&str, &str)> = bare.split(['&', ';']).filter_map(|pair| pair.trim().split_once('=')).collect();
    let value = |name: &&str| pairs.iter().find(|(key, _)| key.trim() == *name).map(|(_, value)| *value);
    if pairs.len() > 1
        && let Some(value) = names_of(wanted).iter().find_map(value)
    {
        return Some((NAME, value.to_owned()));
    }
    let (name, value) = bare.split_once([':', '='])?;
    // `const token`, `"token"`: the last word is the name.
    let name = name.trim().trim_matches(QUOTES).rsplit([' ', '\t']).next()?;
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    let is_name = plain.len() == name.chars().filter(|letter| !matches!(letter, '_' | '-')).count()
        && (plain.ends_with("token") || ["jwt", "sid", "session", "cookie", "setcookie", "bearer"].contains(&&*plain));
    let value = value.trim_start_matches(['=', '>']).trim();
    (is_name && !value.is_empty()).then(|| (NAME, value.to_owned()))
}

/// Quotes at both ends or at one. No token has any.
fn quoted(text: &str) -> Option<Layer> {
    let bare = text.trim_matches(|letter| QUOTES.contains(&letter) || letter == '\\');
    (bare.len() < text.len() && !bare.is_empty()).then(|| ("quotes", bare.to_owned()))
}

fn bracketed(text: &str) -> Option<Layer> {
    BRACKETS.into_iter().find_map(|(open, close)| {
        let inside = text.strip_prefix(open)?.strip_suffix(close)?.trim();
        is_like_token(inside.trim_matches(QUOTES)).then(|| ("brackets", inside.to_owned()))
    })
}

/// A comma or a semicolon beside the token. A full stop would be a fourth part.
fn punctuated(text: &str) -> Option<Layer> {
    let bare = text.trim_matches([',', ';']);
    (bare.len() < text.len() && !bare.is_empty()).then(|| ("punctuation", bare.to_owned()))
}

/// Percent-encoding of whatever stands around the token. No program encodes the letters of a token
/// (RFC 3986 section 2.3), so that a token with encoded dots is refused.
fn percent_encoded(text: &str) -> Option<Layer> {
    let is_escape = |rest: &str| rest.get(..2).is_some_and(|two| two.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let encodes_token =
        |rest: &str| rest.get(..2).is_some_and(|two| ["2d", "2e", "5f"].contains(&&*two.to_ascii_lowercase()));
    let mut rests = text.split('%').skip(1);
    if !rests.clone().any(is_escape) || rests.any(encodes_token) {
        return None;
    }
    let decoded = percent_encoding::percent_decode_str(text).decode_utf8().ok()?;
    Some(("percent-encoding", decoded.into_owned()))
}

/// A token that a terminal or a mail program broke into lines, and a token that came twice.
fn broken(text: &str, wanted: Wanted) -> Option<Layer> {
    let pieces: Vec<&str> = text.split([',', ';', '|']).flat_map(str::split_whitespace).map(bare).collect();
    if let [first, others @ ..] = pieces.as_slice()
        && !others.is_empty()
        && is_clean(first, wanted)
    {
        if others.iter().all(|other| other == first || other.eq_ignore_ascii_case("bearer")) {
            return Some(("a copy of the token", (*first).to_owned()));
        }
        if others.iter().any(|other| is_clean(other, wanted)) {
            return None;
        }
    }
    // A blank between two letters is none of a terminal's, and a token has none.
    let unescaped = ["\\r", "\\n"].into_iter().fold(text.to_owned(), |text, escape| text.replace(escape, "\n"));
    let joined: String = unescaped.lines().map(str::trim).collect();
    let is_whole = match wanted {
        Wanted::Jwt | Wanted::IdToken | Wanted::AdminToken => is_like_jwt(&joined),
        Wanted::RefreshToken => RefreshToken::is_like_one(&joined) || is_like_jwt(&joined),
    };
    let is_broken = joined.len() < text.trim().len() && !joined.contains(char::is_whitespace);
    (is_broken && is_whole).then_some(("line breaks inside it", joined))
}

fn bare(piece: &str) -> &str {
    piece.trim_matches(QUOTES)
}
