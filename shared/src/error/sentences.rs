//! The sentences of errors.

use std::{borrow::Cow, fmt, time::Duration};

use super::{Error, LinkRefusal, Media, Methods, RefreshRefusal, SignUpRefusal, whole_seconds};

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message())
    }
}

impl Error {
    /// The sentence for the person who uses the app.
    fn message(&self) -> Cow<'_, str> {
        let sentence = match self {
            Self::Invalid { message, .. } => message,
            Self::SecretInQuery => "A secret was sent in the address of the request, so it was refused.",
            Self::WeakPassword(field) => &field.message,
            Self::TokenRequired => "There is no token to check.",
            Self::TokenMissing => "Log in first.",
            Self::ReauthenticationNeeded => "Enter your current password too.",
            Self::UnsupportedGrantType => "This app asks for its tokens in a way that is not known here.",
            Self::MalformedToken(sentence) | Self::NoRefreshToken(sentence) => {
                return sentence.replace('`', "").into();
            }
            // Builders look for these words of Bubble's plugin.
            Self::PayloadRequired(_) => "payload is required",
            Self::Credentials => "Email or password is incorrect.",
            Self::PasswordIncorrect => "The current password is incorrect.",
            Self::ApiKey => "Only a server of this app may do this.",
            Self::AdminKey => "Only the people who run this service may do this.",
            Self::AdminKeyRequired => "Only somebody with an admin key may do this.",
            Self::AdminAddress(_) => "This cannot be done from here.",
            Self::NoSuchAccount => "There is no account with this id.",
            Self::VersionConflict => "The account was changed meanwhile. Look at it again.",
            Self::Token(refusal) => return refusal.message.replace('`', "").into(),
            Self::Refresh(refusal) => refusal.message(),
            Self::EmailUnchanged => "Your account has this e-mail address already.",
            Self::AlreadyVerified => "The e-mail address is verified already.",
            Self::CodeInvalid(tries_left) => return wrong_code(*tries_left),
            Self::Link(LinkRefusal::Invalid) => "This link is not valid.",
            Self::Link(LinkRefusal::Expired) => "This link has expired. Ask for a new one.",
            Self::Link(LinkRefusal::Used) => "This link was used before, or a later change has ended it.",
            Self::Disabled => "This account is disabled.",
            Self::EmailNotVerified => "The e-mail address is not verified yet.",
            Self::SignUp(SignUpRefusal::Closed) => "New accounts cannot be created here.",
            Self::SignUp(SignUpRefusal::Uninvited) => "Creating an account here needs an invitation.",
            Self::SignUp(SignUpRefusal::Domain) => "This e-mail domain cannot be used for a new account here.",
            Self::Taken("username") => "This username is taken.",
            Self::Taken("id") => "An account with this id exists already.",
            Self::Taken(_) => "An account with this e-mail address exists already.",
            Self::IdentityTaken => "This sign-in belongs to another account already.",
            Self::TooManyIdentities => "This account has as many sign-ins of other providers as it may have.",
            Self::LastWayIn => "This is the only way into the account. Set a password first.",
            Self::EmailConfirmationNeeded(Some(_)) => {
                "An account has this e-mail address. Type the code that was mailed to it."
            }
            Self::EmailConfirmationNeeded(None) => {
                "An account has this e-mail address. Log in to it, and link this sign-in there."
            }
            Self::LoginTooOld => "Log in again to do this.",
            Self::IdempotencyKeyReused => "This was sent before, with other data. Try again.",
            Self::TooManyAttempts(wait) => return format!("Too many attempts. Try again in {}.", span(*wait)).into(),
            Self::NotFound(None) => "There is nothing at this path.",
            Self::NotFound(Some(meant)) => {
                return format!("There is nothing at this path. Perhaps {meant} was meant.").into();
            }
            Self::MethodNotAllowed(methods) => return methods.message(),
            Self::RequestTimeout => "The request did not come to its end in time. Try again.",
            Self::TooLarge => "The body is larger than 16 KiB.",
            Self::UriTooLong => "The URL is too long.",
            Self::HeadersTooLarge => "The headers are too large: 32 KiB and 100 headers are the most.",
            Self::UnsupportedMediaType(media) => return media.message(),
            Self::Unreadable => "The request could not be read.",
            Self::ForwardedAddressMissing => "The service cannot tell where this request comes from.",
            Self::ProxyRequired => "Call this service by its public address, and not past its proxy.",
            Self::CrossOrigin => "Only the pages of this service may do this.",
            Self::NotConfigured(_) => "This is not set up here.",
            Self::KeysUnavailable(_) => {
                "The public keys of the token's issuer cannot be fetched. Try again in a moment."
            }
            Self::Unavailable(_) => "The service is temporarily unavailable. Try again in a moment.",
            Self::Internal(_) => "Something went wrong on our side.",
        };
        Cow::Borrowed(sentence)
    }

    /// The sentences for the people who build the app. The message, if there is no more to say.
    pub fn detail(&self) -> String {
        let more = match self {
            Self::Invalid { detail, .. } => detail,
            Self::WeakPassword(field) | Self::PayloadRequired(field) => field.detail(),
            Self::MalformedToken(sentence) | Self::NoRefreshToken(sentence) => sentence,
            Self::Token(refusal) => &refusal.message,
            Self::SecretInQuery => {
                "A password or a token stands in the query of the URL, behind the question mark, and URLs are kept in logs. \
                 Send it in the body. In FlutterFlow, use the body of the API call in the place of query parameters; in \
                 Bubble's API Connector, choose Body in the place of Querystring. Change a password that was sent so."
            }
            Self::TokenRequired | Self::TokenMissing => {
                "Send the token as `Authorization: Bearer`, or as `token` in the body of POST /verify. A token in the URL \
                 is not read, because URLs are kept in logs."
            }
            Self::ReauthenticationNeeded => {
                "Send the current password as `current_password`: updateUser({ password, current_password })."
            }
            Self::UnsupportedGrantType => {
                "`grant_type` must be `password` or `refresh_token`. There is no page of a login, so that a code of one \
                 cannot be exchanged."
            }
            Self::ApiKey => "Send a server API key of this service with the scope `encode` as X-Api-Key.",
            Self::AdminKey => {
                "Send an admin key as X-Admin-Key, or the `admin_token` of POST /admin/token as `Authorization: Bearer`. An \
                 access token counts where ADMIN_ROLES has the role of its account. A server API key does not count here."
            }
            Self::AdminKeyRequired => {
                "An admin by role changes no account with a role of ADMIN_ROLES, the own one included. Nor does such an \
                 admin give anybody such a role, or get an admin token. Send an admin key as X-Admin-Key."
            }
            Self::AdminAddress(Some(address)) => {
                return format!("The address {address} lies in no network of ADMIN_ALLOWED_CIDRS.");
            }
            Self::AdminAddress(None) => {
                "The address of this request is not known, and ADMIN_ALLOWED_CIDRS names the networks that may call."
            }
            Self::VersionConflict => {
                "`version` names an earlier state of the account. Read the account again, and send its new `version`."
            }
            Self::EmailConfirmationNeeded(Some(_)) => {
                "The provider does not vouch for the address. Send `next.challenge` and the code of the mail to \
                 POST /exchange/complete. Or log in, and call POST /exchange with `link`."
            }
            Self::EmailConfirmationNeeded(None) => {
                "The provider does not vouch for the address, and this deployment sends no mails. Log in, and call \
                 POST /exchange with `link` and the access token."
            }
            Self::LoginTooOld => {
                "The login of this session is too long ago: more than ten minutes for such a change, or 12 hours below /admin."
            }
            Self::LastWayIn => {
                "Without this identity nobody could log in to the account. Set a password by POST /password/forgot, or link \
                 another provider first."
            }
            Self::IdempotencyKeyReused => {
                "This Idempotency-Key was used with another request. Make a new key for each new request, and send a key \
                 again only with the same request."
            }
            Self::NotFound(Some(_)) => {
                return format!(
                    "{} Write the path exactly so, in lower case, without a slash or a space at its end, and with nothing \
                     before it but the URL of this service.",
                    self.message()
                );
            }
            Self::MethodNotAllowed(methods) => return methods.detail(),
            Self::UnsupportedMediaType(media) => return media.detail(),
            Self::ForwardedAddressMissing => {
                "The proxy must send the address of its caller as X-Forwarded-For, and this request has none."
            }
            Self::CrossOrigin => {
                "The calls below /pages are for the pages that mails link to. An app sends the code of the mail: \
                 `POST /password/reset`, `POST /me/email/verify/complete`. The mails of /outbox are shown to \
                 their own machine alone, at an address such as http://localhost:8080."
            }
            Self::NotConfigured(sentence) => sentence,
            _ => return self.message().into_owned(),
        };
        more.to_owned()
    }
}

impl RefreshRefusal {
    fn message(self) -> &'static str {
        match self {
            Self::Invalid => "This refresh token is not valid, or its session has ended. Log in again.",
            Self::Expired => "The session has expired. Log in again.",
            Self::Reused => "This refresh token was used before, so its session was ended. Log in again.",
            Self::Conflict => "The session is being refreshed already. Try again in a moment.",
        }
    }
}

impl Methods {
    /// `POST`, or `GET, PATCH and DELETE`.
    fn listed(&self) -> String {
        match self.allowed.split_last() {
            Some((last, [])) => (*last).to_owned(),
            Some((last, others)) => format!("{} and {last}", others.join(", ")),
            None => String::new(),
        }
    }

    fn message(&self) -> Cow<'static, str> {
        match self.allowed.as_slice() {
            [] => "This path does not accept this method.".into(),
            _ if self.is_get => {
                format!("This path accepts {}, and cannot be opened in a browser.", self.listed()).into()
            }
            _ => format!("This path does not accept this method. It accepts {}.", self.listed()).into(),
        }
    }

    fn detail(&self) -> String {
        let advice = "Choose the method in the settings of the call: it is GET in most tools unless you change it.";
        if self.is_get && !self.allowed.is_empty() {
            format!("{} {advice}", self.message())
        } else {
            self.message().into()
        }
    }
}

impl Media {
    fn message(self) -> Cow<'static, str> {
        let sent = match self {
            Self::Multipart => "a form with files (multipart)",
            Self::Text => "plain text",
            Self::Charset => return "The body must be in UTF-8, and its type names another charset.".into(),
            Self::Encoded(name) => {
                return format!("The body is compressed ({name}). Send it without compression.").into();
            }
            Self::Other => "a type that is not read here",
        };
        format!("The body was sent as {sent}. Set its type (Content-Type) to application/json.").into()
    }

    fn detail(self) -> String {
        let cure = match self {
            Self::Encoded(_) => "Leave out the header Content-Encoding, and send the body as it is.",
            Self::Charset => "Send the header `Content-Type: application/json`, and write the body in UTF-8.",
            _ => {
                "Send the body as application/json or application/x-www-form-urlencoded, in UTF-8. In FlutterFlow, choose \
                 JSON as the body type of the API call. In Bubble's API Connector, choose JSON as the body type, or add the \
                 header `Content-Type: application/json`."
            }
        };
        format!("{} {cure}", self.message())
    }
}

/// One sentence for every code that is not good, whatever the reason.
fn wrong_code(tries_left: u32) -> Cow<'static, str> {
    const WRONG: &str = "This code is wrong or has expired.";
    match tries_left {
        0 => format!("{WRONG} Ask for a new one.").into(),
        1 => format!("{WRONG} You have 1 try left.").into(),
        left => format!("{WRONG} You have {left} tries left.").into(),
    }
}

/// `1 second`, `90 seconds`, `15 minutes`. Rounds up, so that a caller who waits that long is let
/// through.
fn span(wait: Duration) -> String {
    match whole_seconds(wait) {
        1 => "1 second".to_owned(),
        seconds @ 2..=120 => format!("{seconds} seconds"),
        seconds => format!("{} minutes", seconds.div_ceil(60)),
    }
}
