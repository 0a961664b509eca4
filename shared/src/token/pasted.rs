//! Texts in a token's place. People paste a token with the header around it, in quotes, over
//! several lines, or as the whole answer of a login. Whatever cannot be part of a token is taken
//! off. Whatever is no token is called by its name.
//!
//! Every place that accepts a token reads it here. Nothing is verified: a text that was cleaned is
//! judged by the same rules as one that came clean.

mod layers;
mod lookalike;
#[cfg(test)]
mod tests;

use std::fmt;

use crate::{
    account::refresh_token::RefreshToken,
    jose::{json, jws, jwt::Jwt, kind::Kind},
};

/// The most layers around a token. Real ones have two or three.
const LAYERS_MAX: usize = 16;

/// The kind of token that a place accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// A JSON Web Token.
    Jwt,
    /// The ID token of another provider, which an object may hold beside an access token.
    IdToken,
    /// An admin token.
    AdminToken,
    /// A refresh token of this service.
    RefreshToken,
}

/// A token without anything around it.
pub struct Pasted {
    text: String,
    taken_off: Vec<&'static str>,
}

impl Pasted {
    /// Reads a JWT. It may have no signature, and proves nothing.
    ///
    /// # Errors
    ///
    /// A sentence for the builder: the thing that stands in the token's place, or the flaw of the
    /// token. It never quotes `text`.
    pub fn jwt(text: &str) -> Result<(Jwt, Self), String> {
        Self::parsed(text, Wanted::Jwt)
    }

    /// Reads the ID token of another provider, which an object may hold beside other tokens.
    ///
    /// # Errors
    ///
    /// As [`Pasted::jwt`].
    pub fn id_token(text: &str) -> Result<(Jwt, Self), String> {
        Self::parsed(text, Wanted::IdToken)
    }

    /// Reads an admin token.
    ///
    /// # Errors
    ///
    /// As [`Pasted::jwt`].
    pub fn admin_token(text: &str) -> Result<(Jwt, Self), String> {
        Self::parsed(text, Wanted::AdminToken)
    }

    fn parsed(text: &str, wanted: Wanted) -> Result<(Jwt, Self), String> {
        let pasted = Self::uncovered(text, wanted);
        match Jwt::parse_unsigned(&pasted.text) {
            Ok(token) => Ok((token, pasted)),
            Err(flaw) => Err(lookalike::in_place_of_jwt(&pasted.text, wanted).unwrap_or(flaw)),
        }
    }

    /// Reads the text of a refresh token of this service.
    ///
    /// # Errors
    ///
    /// As [`Pasted::jwt`].
    pub fn refresh_token(text: &str) -> Result<Self, String> {
        let pasted = Self::uncovered(text, Wanted::RefreshToken);
        if RefreshToken::is_like_one(&pasted.text) {
            return Ok(pasted);
        }
        let kind = Jwt::parse_unsigned(&pasted.text).ok().map(|token| token.kind());
        Err(kind.map_or_else(|| lookalike::in_place_of_refresh_token(&pasted.text), jwt_in_place_of_refresh_token))
    }

    /// A sentence about a placeholder in a token's place, the one of [`Pasted::jwt`] or
    /// [`Pasted::refresh_token`]. `None` for any other text.
    pub fn placeholder(text: &str, wanted: Wanted) -> Option<String> {
        let text = Self::uncovered(text, wanted).text;
        if is_clean(&text, wanted) || !lookalike::is_unfilled(&text) {
            return None;
        }
        match wanted {
            Wanted::RefreshToken => Some(lookalike::in_place_of_refresh_token(&text)),
            Wanted::Jwt | Wanted::IdToken | Wanted::AdminToken => lookalike::in_place_of_jwt(&text, wanted),
        }
    }

    /// The token alone.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// A sentence about everything that was taken off. `None` if the token came alone.
    pub fn note(&self) -> Option<String> {
        let names = self.taken_off.iter().copied().filter(|name| *name != layers::BLANKS_AROUND);
        let names = names.collect::<Vec<_>>().join(", ");
        (!names.is_empty()).then(|| format!("This was taken off: {names}. Send the token alone."))
    }

    /// The other JWTs of an object that was pasted, such as a session object, each with its name.
    /// Empty if no object was pasted.
    pub fn beside(&self, pasted: &str) -> Vec<(String, String)> {
        let mut text = pasted.to_owned();
        for _ in 0..LAYERS_MAX {
            if let Ok(object) = json::object(text.as_bytes()) {
                let others = layers::jwts(&object).into_iter().filter(|(_, token)| *token != self.text);
                return others.collect();
            }
            let Some((_, inside)) = layers::uncover(&text, Wanted::Jwt) else { break };
            text = inside;
        }
        Vec::new()
    }

    fn uncovered(text: &str, wanted: Wanted) -> Self {
        let mut pasted = Self { text: text.to_owned(), taken_off: Vec::new() };
        for _ in 0..LAYERS_MAX {
            if is_clean(&pasted.text, wanted) {
                break;
            }
            let Some((name, inside)) = layers::uncover(&pasted.text, wanted) else { break };
            if !pasted.taken_off.contains(&name) {
                pasted.taken_off.push(name);
            }
            pasted.text = inside;
        }
        pasted
    }
}

/// Prints a name only: the text may be a token that somebody could use.
impl fmt::Debug for Pasted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Pasted")
    }
}

/// Whether nothing stands around a token of this form.
fn is_clean(text: &str, wanted: Wanted) -> bool {
    match wanted {
        Wanted::Jwt | Wanted::IdToken | Wanted::AdminToken => {
            let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
            text.len() <= jws::BYTES_MAX && text.bytes().all(fits) && is_like_jwt(text)
        }
        Wanted::RefreshToken => RefreshToken::is_like_one(text),
    }
}

/// Whether a text has the three parts of a JWT, and the first of them begins as a JSON object in
/// base64 does.
fn is_like_jwt(text: &str) -> bool {
    text.matches('.').count() == 2 && begins_as_jwt(text)
}

fn begins_as_jwt(text: &str) -> bool {
    matches!(text.as_bytes(), [b'e', b'w'..=b'z', ..])
}

/// Whether a text has the form of a token of either kind.
fn is_like_token(text: &str) -> bool {
    is_clean(text, Wanted::Jwt) || is_clean(text, Wanted::RefreshToken)
}

fn jwt_in_place_of_refresh_token(kind: Kind) -> String {
    format!("This is {}, where a refresh token is expected. {}", kind.phrase(), lookalike::REFRESH_TOKEN_IS)
}
