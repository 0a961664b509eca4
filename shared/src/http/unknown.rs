//! Keys of a request that nothing reads, where a request is stored. Each is refused with the place
//! where its value belongs. Nothing that a builder sends is lost in silence.
//!
//! A form sends more than an account holds: the password a second time, ticks, tokens of human
//! checks. Such keys are ignored, and so are all keys whose value is empty.

use serde_json::{Map, Value};

use super::fields::NOT_SETTABLE;
use crate::{
    error::{Field, UNKNOWN_FIELD},
    text::is_bidi_control,
};

/// The most unknown keys that an answer names.
const NAMED_MAX: usize = 20;
/// The most letters of a key that an answer repeats whole. Nobody gives a field a longer name, and
/// a longer key may be a secret whose place was swapped with its name.
const LETTERS_MAX: usize = 32;
/// The letters of a longer key that an answer repeats, so that the builder finds the key.
const BEGINNING: usize = 8;

/// The place that stores a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// `POST /create-account`.
    NewAccount,
    /// `PATCH /me`.
    Profile,
    /// The accounts of the admin API.
    Admin,
}

/// The kinds of data that people send under keys of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meant {
    /// Belongs to the form, and not to the account.
    Form,
    /// A field that exists under another spelling.
    Spelling(&'static str),
    /// A part of the name.
    PartOfName,
    /// Metadata, as one object.
    Metadata,
    /// The password of the account, which a profile does not change.
    Password,
    /// The role, or another right of the account.
    Role,
    /// A state that the people behind the service decide.
    State,
    /// The id or a time, which the service makes.
    Made,
    /// A token or an API key.
    Token,
    /// Anything else: one of the person's own data.
    Own,
}

/// Keys without their case, `_`, `-`, `.` and blanks, by their meaning.
const KNOWN: [(Meant, &[&str]); 13] = [
    (
        Meant::Form,
        &[
            "remember",
            "rememberme",
            "keepmeloggedin",
            "keeploggedin",
            "staysignedin",
            "stayloggedin",
            "terms",
            "acceptterms",
            "termsaccepted",
            "termsofservice",
            "termsandconditions",
            "agreetoterms",
            "agree",
            "tos",
            "accepttos",
            "privacypolicy",
            "acceptprivacy",
            "turnstile",
            "cfturnstileresponse",
            "csrf",
            "csrftoken",
            "csrfmiddlewaretoken",
            "xsrftoken",
            "authenticitytoken",
            "submit",
            "commit",
            "utf8",
            "method",
            "returnsecuretoken",
            "gotruemetasecurity",
        ],
    ),
    (Meant::Spelling("email"), &["email", "mail", "emailaddress", "useremail"]),
    (Meant::Spelling("name"), &["name", "displayname", "fullname", "realname"]),
    (Meant::Spelling("username"), &["username", "login", "handle", "nickname", "screenname"]),
    (Meant::Spelling("password"), &["pass", "passwd", "pwd", "userpassword"]),
    (Meant::Password, &["password", "newpassword", "currentpassword", "oldpassword"]),
    (Meant::PartOfName, &["firstname", "lastname", "givenname", "familyname", "middlename", "surname", "forename"]),
    (
        Meant::Metadata,
        &["metadata", "meta", "usermetadata", "data", "customdata", "customfields", "extra", "attributes", "profile"],
    ),
    (
        Meant::Role,
        &["role", "roles", "roleid", "isadmin", "admin", "permissions", "claims", "customclaims", "appmetadata"],
    ),
    (Meant::State, &["disabled", "isdisabled", "banned", "emailverified", "emailconfirmed", "verified", "isverified"]),
    (Meant::Made, &["id", "uid", "userid", "localid", "createdat", "updatedat"]),
    (
        Meant::Token,
        &[
            "token",
            "jwttoken",
            "accesstoken",
            "idtoken",
            "refreshtoken",
            "authorization",
            "bearer",
            "apikey",
            "xapikey",
        ],
    ),
    (Meant::Own, &[]),
];

/// Keys under which a form sends the new password a second time.
const TYPED_AGAIN: [&str; 14] = [
    "confirmpassword",
    "passwordconfirmation",
    "passwordconfirm",
    "passwordconfirmed",
    "confirmationpassword",
    "password2",
    "passwordagain",
    "passwordrepeat",
    "repeatpassword",
    "retypepassword",
    "retypedpassword",
    "verifypassword",
    "passwordverify",
    "confirmpass",
];

/// Whether a form sends the new password a second time under this key.
pub(super) fn is_typed_again(key: &str) -> bool {
    TYPED_AGAIN.contains(&plain(key).replace("new", "").as_str())
}

/// The mistakes in the keys that nothing has read.
pub(super) fn refusals(values: &Map<String, Value>, place: Place) -> Vec<Field> {
    // These are told by themselves, except to admins.
    let is_told = |key: &String| place != Place::Admin && NOT_SETTABLE.contains(&key.as_str());
    let unknown = values.iter().filter(|(key, _)| !is_told(key));
    unknown.filter_map(|(key, value)| refusal(key, value, place)).take(NAMED_MAX).collect()
}

fn refusal(key: &str, value: &Value, place: Place) -> Option<Field> {
    let meant = meant(key);
    if meant == Meant::Form || is_empty(value) {
        return None;
    }
    let key = shown(key);
    let of_account = |field: &str| format!("`{key}` is not a field here. Send it as `{field}`.");
    let in_metadata = "Data of your own goes into `metadata`";
    let example = format!("{{\"metadata\": {{\"{key}\": …}}}}");
    let (code, message, detail) = match (meant, place) {
        (Meant::PartOfName | Meant::Role | Meant::State | Meant::Made | Meant::Token, Place::Admin) => (
            UNKNOWN_FIELD,
            "An account has no such field.",
            format!("`{key}` is not a field here. docs/admin.md has the fields. {in_metadata}: {example}."),
        ),
        (Meant::Spelling("email"), Place::Profile) => (
            UNKNOWN_FIELD,
            "An e-mail address cannot be changed here.",
            format!(
                "`{key}` cannot be changed by PATCH /me. POST /me/email changes the address, with `new_email` and \
                 `password`."
            ),
        ),
        (Meant::Password | Meant::Spelling("password"), Place::Profile) => (
            UNKNOWN_FIELD,
            "A password cannot be changed here.",
            format!(
                "`{key}` cannot be changed by PATCH /me. POST /me/password changes the password, with \
                 `current_password` and `new_password`."
            ),
        ),
        (Meant::Spelling(field), _) => (UNKNOWN_FIELD, "This data has another name here.", of_account(field)),
        (Meant::Password, _) => (UNKNOWN_FIELD, "This data has another name here.", of_account("password")),
        (Meant::Metadata, _) => (UNKNOWN_FIELD, "This data has another name here.", of_account("metadata")),
        (Meant::PartOfName, _) => (
            UNKNOWN_FIELD,
            "A name is kept as a whole.",
            format!("`{key}` is not stored. `name` is the whole name. {in_metadata}, its parts too: {example}."),
        ),
        (Meant::Role, _) => (
            "not_settable",
            "Nobody can choose this for an account.",
            format!(
                "`{key}` cannot be set by a request. The people who run the service set the role: latchkey users \
                 set-role. A word of your own app that everybody may choose goes into `metadata`: {example}."
            ),
        ),
        (Meant::State, _) => (
            "not_settable",
            "Nobody can choose this for an account.",
            format!("`{key}` cannot be set by a request. The people who run the service set it: latchkey users."),
        ),
        (Meant::Made, _) => (
            "not_settable",
            "Nobody can choose this for an account.",
            format!("`{key}` cannot be set by a request. The service makes it."),
        ),
        (Meant::Token, _) => (
            UNKNOWN_FIELD,
            "A token cannot be stored here.",
            format!("`{key}` is not stored. A token goes into the header `Authorization: Bearer …`."),
        ),
        (Meant::Own | Meant::Form, _) => (
            UNKNOWN_FIELD,
            "This data belongs in the metadata of the account.",
            format!("`{key}` is not stored by itself. {in_metadata}: {example}."),
        ),
    };
    Some(Field::new(key, code, message).explained(detail))
}

fn meant(key: &str) -> Meant {
    let plain = plain(key);
    let is_of_form = plain.contains("captcha") || is_typed_again(key);
    let known = KNOWN.iter().find(|(_, keys)| keys.contains(&plain.as_str())).map(|(meant, _)| *meant);
    if is_of_form { Meant::Form } else { known.unwrap_or(Meant::Own) }
}

/// Whether a key is another spelling of a field, or another word for the same, and short enough to
/// be repeated in an answer.
pub(super) fn is_meant(key: &str, name: &str) -> bool {
    let is_spelling = matches!(meant(key), Meant::Spelling(field) if field == name);
    key.chars().count() <= LETTERS_MAX && (is_spelling || plain(key) == plain(name))
}

/// A key without case and separators, so that `confirmPassword` is `confirm_password`.
fn plain(key: &str) -> String {
    key.chars().filter(|letter| !matches!(letter, '_' | '-' | '.' | ' ')).flat_map(char::to_lowercase).collect()
}

/// Whether a value says nothing. `false` and 0 are answers: if they were ignored, a form would work
/// until somebody ticks its box.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// A key as an answer repeats it: without characters that steer a terminal, and of a long key the
/// beginning alone.
fn shown(key: &str) -> String {
    let steers = |letter: char| letter.is_control() || is_bidi_control(letter);
    let letters_max = if key.chars().count() > LETTERS_MAX { BEGINNING } else { LETTERS_MAX };
    let short: String = key.chars().filter(|letter| !steers(*letter)).take(letters_max).collect();
    if short.len() < key.len() { format!("{short}…") } else { short }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_key_is_known_in_every_spelling() {
        for (key, expected) in [
            ("confirm_password", Meant::Form),
            ("confirmPassword", Meant::Form),
            ("Password-Confirmation", Meant::Form),
            ("confirm_new_password", Meant::Form),
            ("g-recaptcha-response", Meant::Form),
            ("h-captcha-response", Meant::Form),
            ("rememberMe", Meant::Form),
            ("displayName", Meant::Spelling("name")),
            ("E-Mail", Meant::Spelling("email")),
            ("user_name", Meant::Spelling("username")),
            ("firstName", Meant::PartOfName),
            ("is_admin", Meant::Role),
            ("createdAt", Meant::Made),
            ("id_token", Meant::Token),
            ("phone", Meant::Own),
            ("terms_of_my_life", Meant::Own),
            ("", Meant::Own),
        ] {
            assert_eq!(meant(key), expected, "{key}");
        }
    }

    #[test]
    fn no_key_has_two_meanings() {
        let all: Vec<&str> = KNOWN.iter().flat_map(|(_, keys)| keys.iter().copied()).chain(TYPED_AGAIN).collect();
        for key in &all {
            assert_eq!(all.iter().filter(|other| *other == key).count(), 1, "{key}");
            assert_eq!(plain(key), *key);
        }
    }

    #[test]
    fn a_key_is_repeated_within_bounds() {
        let of = |key: &str| refusal(key, &json!(1), Place::Profile).unwrap().field;
        assert_eq!(of("téléphone"), "téléphone");
        assert_eq!(of("a\u{1b}[2J\u{202e}b"), "a[2Jb…");
        assert_eq!(of(&"é".repeat(32)), "é".repeat(32));
        assert_eq!(of(&"é".repeat(33)), format!("{}…", "é".repeat(8)));
        let many: Map<String, Value> = (0..100).map(|index| (format!("key {index}"), json!(1))).collect();
        assert_eq!(refusals(&many, Place::NewAccount).len(), NAMED_MAX);
    }
}
