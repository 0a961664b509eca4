//! The names that other systems give to the fields of an account, and their values.

use serde_json::{Map, Value};

use super::peers;
use crate::{
    account::{claims::OwnClaims, metadata::Metadata, roles::Roles},
    jose::members::members,
    text::trimmed,
    time::Timestamp,
};

/// The names of each field, in small letters and digits alone. The first name that has a value
/// counts.
///
/// - Firebase: `localId`
/// - Auth0: `_id`, `user_id`, `app_metadata`
/// - Supabase: `encrypted_password`, `email_confirmed_at`, `raw_app_meta_data`
/// - Cognito: `sub`, `cognito:username`, `UserCreateDate`
/// - better-auth: `banExpires`
/// - Django: `date_joined`, `is_active`
/// - WordPress: `user_pass`, `user_registered`
/// - Rails: `password_digest`
const EMAIL: &[&str] = &["email", "emailaddress", "mail", "useremail"];
const PASSWORD_HASH: &[&str] =
    &["passwordhash", "hash", "encryptedpassword", "hashedpassword", "passworddigest", "userpass", "password"];
const SALT: &[&str] = &["salt", "passwordsalt"];
const USERNAME: &[&str] = &["username", "userlogin", "login", "preferredusername", "cognitousername"];
const NAME: &[&str] = &["name", "displayname", "fullname"];
const FIRST_NAME: &[&str] = &["firstname", "givenname"];
const LAST_NAME: &[&str] = &["lastname", "familyname"];
const EMAIL_VERIFIED: &[&str] = &["emailverified", "isemailverified", "emailconfirmed", "verified"];
const EMAIL_VERIFIED_AT: &[&str] = &["emailconfirmedat", "emailverifiedat", "confirmedat"];
const ROLE_ID: &[&str] = &["roleid"];
const DISABLED: &[&str] = &["disabled", "isdisabled", "blocked", "banned", "suspended"];
const ENABLED: &[&str] = &["isactive", "active", "enabled"];
const DISABLED_UNTIL: &[&str] = &["banneduntil"];
/// The end of what a flag says, where the flag stays after it.
const FLAG_UNTIL: &[&str] = &["banexpires"];
const DELETED_AT: &[&str] = &["deletedat"];
const CREATED_AT: &[&str] = &["createdat", "created", "creationtime", "datejoined", "userregistered", "usercreatedate"];
const ID: &[&str] = &["id", "uid", "localid", "userid", "uuid", "firebaseuid", "sub"];
const IMPORTED_UID: &[&str] = &["importeduid"];
const CUSTOM_ATTRIBUTES: &[&str] = &["customattributes", "customclaims"];
/// The JSON object that people write themselves, here and in Auth0 and Supabase.
const METADATA: &[&str] = &["metadata", "usermetadata", "rawusermetadata"];
/// The JSON object that people never see, here, in Auth0 and in Supabase.
const PRIVATE_METADATA: &[&str] = &["privatemetadata", "appmetadata", "rawappmetadata"];
/// The members of Supabase's object that say how somebody signs in there.
const OF_SIGN_IN: &[&str] = &["provider", "providers"];
const CLAIMS: &[&str] = &["claims"];
const FIREBASE_ID: &[&str] = &["localid"];
/// The members of the metadata that have a name, where no field has one.
const NAMES_IN_METADATA: &[&str] = &["name", "full_name", "display_name"];

/// The values of a record by field. Each value that is read is taken out; what is left has no place
/// here.
pub struct Fields {
    /// The letters and digits of a name, the name as it was written, and the value.
    values: Vec<(String, String, Value)>,
    /// Whether all values are text, as in CSV.
    is_text: bool,
    /// The custom claims of Firebase: the name of the field, the name of the claim, and its JSON.
    custom: Vec<(String, String, String)>,
    /// Whether the record is one of Firebase's export.
    pub(super) is_firebase: bool,
}

/// Whether a column has e-mail addresses.
pub fn is_email_column(name: &str) -> bool {
    EMAIL.contains(&letters(name).as_str())
}

/// Whether a key has an object that is kept as it was written.
pub(super) fn is_kept_as_written(name: &str) -> bool {
    let name = letters(name);
    [METADATA, PRIVATE_METADATA, CLAIMS, CUSTOM_ATTRIBUTES].iter().any(|names| names.contains(&name.as_str()))
}

/// The letters and digits of a name, in lower case.
fn letters(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect()
}

impl Fields {
    /// The fields of a record. `null` counts as missing.
    pub fn new(values: Map<String, Value>, is_text: bool) -> Self {
        let filled = peers::opened(values).into_iter().filter(|(_, value)| !value.is_null());
        let values: Vec<_> = filled.map(|(name, value)| (letters(&name), name, value)).collect();
        let is_firebase = values.iter().any(|(letters, _, _)| FIREBASE_ID.contains(&letters.as_str()));
        Self { values, is_text, custom: Vec::new(), is_firebase }
    }

    /// Takes the value of a field, with the name that it has here. An empty text counts as missing,
    /// except under the first name of the field.
    fn take(&mut self, names: &[&str]) -> Option<(String, Value)> {
        for wanted in names {
            let is_wanted = |(letters, _, value): &(String, String, Value)| {
                letters == wanted && (*value != "" || Some(wanted) == names.first())
            };
            if let Some(index) = self.values.iter().position(is_wanted) {
                let (_, name, value) = self.values.swap_remove(index);
                return Some((name, value));
            }
        }
        None
    }

    fn text_of(&mut self, names: &[&str]) -> Result<Option<String>, String> {
        match self.take(names) {
            None => Ok(None),
            Some((_, Value::String(text))) => Ok(Some(text)),
            Some((name, _)) => Err(format!("`{name}` must be text.")),
        }
    }

    pub(super) fn email(&mut self) -> Result<Option<String>, String> {
        self.text_of(EMAIL)
    }

    pub(super) fn password_hash(&mut self) -> Result<Option<String>, String> {
        self.text_of(PASSWORD_HASH)
    }

    pub(super) fn salt(&mut self) -> Result<Option<String>, String> {
        self.text_of(SALT)
    }

    pub(super) fn username(&mut self) -> Result<Option<String>, String> {
        Ok(self.text_of(USERNAME)?.filter(|username| !username.is_empty()))
    }

    /// The name, or the first and the last name, or the name in the metadata.
    pub(super) fn name(&mut self, metadata: &Metadata) -> Result<String, String> {
        if let Some(name) = self.text_of(NAME)?.filter(|name| !name.is_empty()) {
            return Ok(name);
        }
        let parts = [self.text_of(FIRST_NAME)?, self.text_of(LAST_NAME)?].map(Option::unwrap_or_default);
        let joined = parts.join(" ").trim().to_owned();
        Ok(if joined.is_empty() { metadata.text_of(NAMES_IN_METADATA).unwrap_or_default() } else { joined })
    }

    /// Whether the address is verified: a flag, or the time when it was.
    pub(super) fn email_verified(&mut self) -> Result<bool, String> {
        Ok(match self.flag(EMAIL_VERIFIED)? {
            Some(flag) => flag,
            None => self.take(EMAIL_VERIFIED_AT).is_some(),
        })
    }

    /// Whether the account is disabled: a flag, its opposite, or a time that has not come.
    pub(super) fn disabled(&mut self, now: Timestamp) -> Result<bool, String> {
        let flag = self.flag(DISABLED)?.unwrap_or(false);
        let disabled = flag && self.time(FLAG_UNTIL)?.is_none_or(|until| now < until);
        let is_enabled = self.flag(ENABLED)?.unwrap_or(true);
        let until = self.time(DISABLED_UNTIL)?;
        Ok(disabled || !is_enabled || until.is_some_and(|until| now < until))
    }

    /// Whether the other system deleted the account and kept its record.
    pub(super) fn is_deleted(&mut self) -> bool {
        self.take(DELETED_AT).is_some()
    }

    /// A role id is at least 1, because 0 stands for a token without a role. A claim `role_id` or
    /// `role` that is a number counts too. So does a column `role` of numbers, or of names that
    /// `ROLES` has.
    pub(super) fn role_id(&mut self, roles: &Roles) -> Result<Option<u32>, String> {
        if let Some((name, value)) = self.take(ROLE_ID) {
            let number = self.number(&value);
            return number.map(Some).ok_or_else(|| format!("`{name}` must be a whole number from 1 to {}.", u32::MAX));
        }
        let role = |value: &Value| self.number(value).or_else(|| roles.id(value.as_str()?));
        let found = self.values.iter().enumerate().find_map(|(index, (letters, _, value))| {
            let id = role(value).filter(|_| letters == "role")?;
            Some((index, id))
        });
        let Some((index, id)) = found else { return Ok(None) };
        self.values.swap_remove(index);
        Ok(Some(id))
    }

    fn number(&self, value: &Value) -> Option<u32> {
        let text = value.as_str().filter(|_| self.is_text).map(str::to_owned);
        let number = text.or_else(|| value.as_u64().map(|number| number.to_string()))?;
        number.parse().ok().filter(|number| *number > 0)
    }

    /// Opens the custom claims of Firebase. A role that is a number is the role of the account.
    pub(super) fn open_claims(&mut self) {
        let Some((field, value)) = self.take(CUSTOM_ATTRIBUTES) else { return };
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let Ok(claims) = members(text.as_bytes()) else {
            self.values.push((String::new(), field, value));
            return;
        };
        for (claim, value) in claims {
            let is_role = matches!(letters(&claim).as_str(), "role" | "roleid");
            match value.get().parse::<u64>() {
                Ok(number) if is_role => {
                    let number = if self.is_text { Value::String(number.to_string()) } else { Value::from(number) };
                    self.values.push(("roleid".to_owned(), format!("{field}.{claim}"), number));
                }
                _ => self.custom.push((field.clone(), claim, value.get().to_owned())),
            }
        }
    }

    /// The custom claims of Firebase that can be claims here. The others are left to be named, such
    /// as those whose names are reserved.
    pub(super) fn custom_claims(&mut self) -> OwnClaims {
        let (mut claims, mut kept) = (OwnClaims::default(), Vec::new());
        for (field, claim, value) in std::mem::take(&mut self.custom) {
            kept.push(format!("{}:{value}", Value::from(claim.as_str())));
            if let Ok(more) = OwnClaims::parse(&format!("{{{}}}", kept.join(","))) {
                claims = more;
            } else {
                kept.pop();
                self.custom.push((field, claim, value));
            }
        }
        claims
    }

    /// The text of the claims: a column of CSV, or the object as it was written.
    pub(super) fn claims(&mut self) -> Option<String> {
        self.json(CLAIMS)
    }

    pub(super) fn created_at(&mut self) -> Result<Option<Timestamp>, String> {
        self.time(CREATED_AT)
    }

    fn time(&mut self, names: &[&str]) -> Result<Option<Timestamp>, String> {
        let Some((name, value)) = self.take(names) else { return Ok(None) };
        let text = match &value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            // MongoDB's export.
            Value::Object(object) => object.get("$date").and_then(Value::as_str).unwrap_or_default().to_owned(),
            _ => String::new(),
        };
        let time = Timestamp::parse(trimmed(&text));
        time.map(Some).ok_or_else(|| format!("`{name}` is no time such as 2026-05-27T15:00:00Z."))
    }

    /// The text of the metadata: a column of CSV, or the object as it was written.
    pub(super) fn metadata(&mut self) -> Option<String> {
        self.json(METADATA)
    }

    /// The text of the private metadata, without the ways of signing in that Supabase notes there.
    pub(super) fn private_metadata(&mut self) -> Option<String> {
        let text = self.json(PRIVATE_METADATA)?;
        let Ok(mut object) = members(text.as_bytes()) else { return Some(text) };
        object.retain(|(name, _)| !OF_SIGN_IN.contains(&name.as_str()));
        let object = object.iter().map(|(name, value)| format!("{}:{value}", Value::from(name.as_str())));
        Some(format!("{{{}}}", object.collect::<Vec<_>>().join(",")))
    }

    fn json(&mut self, names: &[&str]) -> Option<String> {
        match self.take(names)?.1 {
            Value::String(text) => Some(text).filter(|text| !text.is_empty()),
            other => Some(other.to_string()),
        }
    }

    /// The id: text, a number, or MongoDB's object.
    pub(super) fn id(&mut self) -> Result<Option<String>, String> {
        match self.take(ID) {
            None => Ok(None),
            Some((_, Value::String(text))) => Ok(Some(text)),
            Some((_, Value::Number(number))) => Ok(Some(number.to_string())),
            Some((name, Value::Object(object))) => match object.get("$oid") {
                Some(Value::String(text)) => Ok(Some(text.clone())),
                _ => Err(format!("`{name}` must be text.")),
            },
            Some((name, _)) => Err(format!("`{name}` must be text.")),
        }
    }

    /// Whether the id is one of another system; `None` if the record does not say.
    pub(super) fn imported_uid(&mut self) -> Result<Option<bool>, String> {
        self.flag(IMPORTED_UID)
    }

    fn flag(&mut self, names: &[&str]) -> Result<Option<bool>, String> {
        let Some((name, value)) = self.take(names) else { return Ok(None) };
        let wrong = || format!("`{name}` must be true or false.");
        match &value {
            Value::Bool(flag) => Ok(Some(*flag)),
            Value::String(text) if self.is_text => match text.to_ascii_lowercase().as_str() {
                "true" | "t" | "1" | "yes" | "y" => Ok(Some(true)),
                "false" | "f" | "0" | "no" | "n" => Ok(Some(false)),
                _ => Err(wrong()),
            },
            _ => Err(wrong()),
        }
    }

    /// The names of the values that nobody took, as they were written.
    pub(super) fn rest(self) -> impl Iterator<Item = String> {
        let is_empty = |value: &Value| match value {
            Value::String(text) => text.is_empty(),
            Value::Array(values) => values.is_empty(),
            Value::Object(values) => values.is_empty(),
            _ => false,
        };
        let custom = self.custom.into_iter().map(|(field, claim, _)| format!("{field}.{claim}"));
        let values = self.values.into_iter().filter(move |(_, _, value)| !is_empty(value)).map(|(_, name, _)| name);
        values.chain(custom)
    }
}
