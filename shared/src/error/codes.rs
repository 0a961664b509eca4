//! Every code of an error with its meaning, for the page `/errors` and the documents.

use Mender::{Builder, Nobody, Operator, User};

/// A stable code of an error.
#[derive(Clone, Copy, Debug)]
pub struct Code {
    /// The code.
    pub code: &'static str,
    /// The statuses that it comes with.
    pub statuses: &'static [u16],
    /// The reason, as docs/api.md has it in its table.
    pub reason: &'static str,
    /// Whoever can mend it.
    pub mender: Mender,
    /// The next step, in a sentence or two.
    pub cure: &'static str,
}

/// Whoever can do something about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mender {
    /// The person who uses the app.
    User,
    /// Whoever builds the app.
    Builder,
    /// Whoever runs the service.
    Operator,
    /// Nobody needs to: it passes.
    Nobody,
}

impl Mender {
    /// The name for people.
    pub fn name(self) -> &'static str {
        match self {
            User => "the person who uses the app",
            Builder => "whoever builds the app",
            Operator => "whoever runs this service",
            Nobody => "nobody: it passes by itself",
        }
    }
}

const fn code(
    code: &'static str,
    statuses: &'static [u16],
    mender: Mender,
    reason: &'static str,
    cure: &'static str,
) -> Code {
    Code { code, statuses, reason, mender, cure }
}

/// All codes, in the order of their statuses.
pub const CODES: [Code; 70] = [
    code(
        "invalid_request",
        &[400],
        Builder,
        "the body or a header is not as it must be",
        "Read `detail`, and `fields` for each field that is wrong. In Bubble and FlutterFlow, compare \
         the body of the call with the example of the guide.",
    ),
    code(
        "placeholder_not_filled",
        &[400],
        Builder,
        "a field holds the name of a variable",
        "The app sent the placeholder itself. In FlutterFlow the call needs a variable of the same \
         name; in Bubble, initialize the call with a value.",
    ),
    code(
        "secret_in_query",
        &[400],
        Builder,
        "a password or a token stands in the URL",
        "Send it in the body. In FlutterFlow, use the body of the API call; in Bubble, choose Body in \
         the place of Querystring.",
    ),
    code(
        "unknown_field",
        &[400],
        Builder,
        "the account has no such field",
        "`detail` says where the data belongs: mostly inside `metadata`.",
    ),
    code(
        "already_verified",
        &[400],
        Nobody,
        "the address of the account is verified already",
        "Go on: nothing is left to do.",
    ),
    code(
        "email_unchanged",
        &[400],
        User,
        "the account has this address already",
        "Type another address, or go on: nothing is left to do.",
    ),
    code(
        "weak_password",
        &[400],
        User,
        "a new password is too weak",
        "Choose a longer or less common password. `fields` says why this one was refused.",
    ),
    code(
        "payload_required",
        &[400],
        Builder,
        "there is no payload to sign, or it is no JSON object",
        "Send `payload` as a JSON object, or as the text of one.",
    ),
    code(
        "reauthentication_needed",
        &[400],
        Builder,
        "a new password came without the current one",
        "Ask for the current password too, and send it as `current_password`.",
    ),
    code(
        "unsupported_grant_type",
        &[400],
        Builder,
        "the token endpoint has no such grant",
        "Set `grant_type` to `password` or to `refresh_token`.",
    ),
    code(
        "token_malformed",
        &[400],
        Builder,
        "the text is no JWT",
        "Send the whole token: three parts with dots between them.",
    ),
    code(
        "forwarded_address_missing",
        &[400],
        Operator,
        "the proxy does not name its caller",
        "Let the proxy write the address of its caller into X-Forwarded-For.",
    ),
    code(
        "token_missing",
        &[400, 401],
        Builder,
        "no token was sent",
        "Send the access token as `Authorization: Bearer`. Log in first, and store the session object.",
    ),
    code(
        "code_invalid",
        &[401],
        User,
        "the code of a mail is wrong, expired, used up, or nobody's",
        "Type the code again, or ask for another mail. `message` says how many tries are left.",
    ),
    code(
        "link_invalid",
        &[401],
        User,
        "the link of a mail is none of this service",
        "Open the link of the newest mail, as a whole.",
    ),
    code("link_expired", &[401], User, "the time of the link is over", "Ask for another mail."),
    code(
        "link_used",
        &[401],
        User,
        "the link was used, or a later change has ended it",
        "Ask for another mail if you still need one.",
    ),
    code(
        "invalid_credentials",
        &[401],
        User,
        "the account is unknown, the password is wrong, or there is no password",
        "Type e-mail address and password again. The answer is the same for an unknown address.",
    ),
    code(
        "invalid_api_key",
        &[401],
        Builder,
        "there is no API key, or it is not good for this call",
        "Send a key of this service as X-Api-Key, from a server and never from an app.",
    ),
    code(
        "invalid_admin_key",
        &[401],
        Operator,
        "there is no admin key and no admin token, or the key is wrong",
        "Send a key of ADMIN_KEY_SECRET_ID as X-Admin-Key, from a server and never from an app.",
    ),
    code(
        "token_invalid",
        &[401],
        Builder,
        "the token is not good",
        "Send the newest `access_token` of the session object. `detail` says what was sent instead.",
    ),
    code(
        "token_expired",
        &[401],
        Builder,
        "the token was good, and its time is over",
        "Call /refresh with the refresh token, store the whole answer, and try again.",
    ),
    code("token_revoked", &[401], User, "the session of the token has ended", "Log in again."),
    code(
        "auth/argument-error",
        &[401],
        Builder,
        "the text is no Firebase ID token of this project",
        "Send the text that `getIdToken()` gives, of the Firebase project that this service belongs to.",
    ),
    code(
        "auth/mismatching-tenant-id",
        &[401],
        Builder,
        "the ID token is of another tenant",
        "Sign in to the tenant that this service is configured for.",
    ),
    code(
        "auth/id-token-expired",
        &[401],
        Builder,
        "the ID token's time is over",
        "Call `getIdToken()` before each request: it renews the token.",
    ),
    code(
        "auth/id-token-revoked",
        &[401],
        User,
        "the account's sessions were ended after this sign-in",
        "Log in again.",
    ),
    code(
        "auth/user-disabled",
        &[401],
        Operator,
        "the account behind an ID token is disabled",
        "Ask the people who run the app.",
    ),
    code(
        "refresh_token_invalid",
        &[401],
        Builder,
        "it is no refresh token of this service, or its session has ended",
        "Log in again. Store the whole session object after each refresh: the refresh token changes.",
    ),
    code("refresh_token_expired", &[401], User, "the session's time is over", "Log in again."),
    code(
        "refresh_token_reused",
        &[401],
        Builder,
        "an old refresh token came again, and its session was ended",
        "Log in again. Let one place of the app refresh, and store each new refresh token.",
    ),
    code(
        "id_token_invalid",
        &[401],
        Builder,
        "the provider's token is not good for this app",
        "`detail` names the rule. Send the ID token of the provider, and not its access token.",
    ),
    code(
        "id_token_expired",
        &[401],
        Builder,
        "the provider's token is too old",
        "Exchange the token at once after the sign-in at the provider. Sign in there again.",
    ),
    code(
        "id_token_used",
        &[401],
        Builder,
        "the provider's token was exchanged before",
        "Keep the session and refresh it. For another session, sign in at the provider again.",
    ),
    code(
        "nonce_mismatch",
        &[401],
        Builder,
        "the nonce is not the one in the provider's token",
        "Send the text that the app gave to the provider's SDK, before it was hashed.",
    ),
    code(
        "anonymous_token",
        &[401],
        Builder,
        "the Firebase user is anonymous",
        "Let the person sign in at Firebase by a provider, then exchange the new token.",
    ),
    code(
        "reauthentication_required",
        &[401],
        User,
        "the login is too long ago for this",
        "Log in again. A change of the own account is then possible for ten minutes, and /admin for 12 hours.",
    ),
    code(
        "account_disabled",
        &[403, 401],
        Operator,
        "the account is disabled",
        "Ask the people who run the app. `latchkey users enable` lets the person in again.",
    ),
    code("password_incorrect", &[403], User, "the current password is wrong", "Type the current password again."),
    code(
        "email_not_verified",
        &[403],
        User,
        "the address must be verified first",
        "Ask the people who run the app to verify the address, then log in.",
    ),
    code(
        "admin_key_required",
        &[403],
        Operator,
        "an admin by role may not do this",
        "Send an admin key as X-Admin-Key. Only a key changes the accounts of admins, or makes another admin.",
    ),
    code(
        "admin_address_refused",
        &[403],
        Operator,
        "nobody may call /admin from this address",
        "The setting ADMIN_ALLOWED_CIDRS names the networks. `detail` has the address of the request.",
    ),
    code(
        "proxy_required",
        &[403],
        Builder,
        "the request came past the proxy",
        "Use the public address of this service.",
    ),
    code(
        "cross_origin",
        &[403],
        Builder,
        "a page of another site made a call of the service's own pages",
        "Let the app send the code of the mail, for example to /password/reset.",
    ),
    code(
        "sign_up_closed",
        &[403],
        Operator,
        "nobody may create an account here",
        "The setting SIGN_UP decides. An operator can make the account.",
    ),
    code(
        "invitation_required",
        &[403],
        Operator,
        "only people with an invitation may create an account",
        "The setting SIGN_UP decides. An operator can make the account.",
    ),
    code(
        "email_domain_not_allowed",
        &[403],
        User,
        "only people with an address of other domains may create an account",
        "Use an address of the organisation that runs the app.",
    ),
    code(
        "not_found",
        &[404],
        Builder,
        "nothing is at this path",
        "Compare the path with the list of endpoints. `message` names the path that was probably meant.",
    ),
    code(
        "user_not_found",
        &[404],
        Operator,
        "no account has this id",
        "Look the account up by its e-mail address: GET /admin/users?email=.",
    ),
    code(
        "method_not_allowed",
        &[405],
        Builder,
        "the path has other methods",
        "Choose one of the methods that `message` names. Most tools begin with GET.",
    ),
    code("request_timeout", &[408], Nobody, "the request did not come to its end in time", "Try again."),
    code("email_taken", &[409], User, "another account has this e-mail address", "Log in, or use another address."),
    code("username_taken", &[409], User, "another account has this username", "Choose another username."),
    code("id_taken", &[409], Operator, "another account has this id", "Import the account under another id."),
    code(
        "identity_taken",
        &[409],
        User,
        "the sign-in at the provider belongs to another account",
        "Log in with that sign-in, or use another one.",
    ),
    code("too_many_identities", &[409], User, "an account has at most ten identities", "Unlink one of them first."),
    code(
        "last_way_in",
        &[409],
        User,
        "without this identity nobody could log in to the account",
        "Set a password, or link another provider first.",
    ),
    code(
        "email_confirmation_needed",
        &[409],
        User,
        "the provider does not vouch for the address, which an account has",
        "Type the code that was mailed, for /exchange/complete. Or log in, and link the sign-in.",
    ),
    code(
        "version_conflict",
        &[409],
        Operator,
        "the account was changed since it was read",
        "Read the account again, and send the new version with the change.",
    ),
    code(
        "idempotency_key_reused",
        &[409],
        Builder,
        "the Idempotency-Key came with another request before",
        "Make a new key for each new request.",
    ),
    code("refresh_conflict", &[409], Nobody, "the session is being refreshed already", "Try again in a second."),
    code(
        "payload_too_large",
        &[413],
        Builder,
        "the body is larger than 16 KiB",
        "Keep files and long texts elsewhere, and send their addresses.",
    ),
    code("uri_too_long", &[414], Builder, "the URL is too long", "Send data in the body."),
    code(
        "unsupported_media_type",
        &[415],
        Builder,
        "the body is neither JSON nor a form in UTF-8",
        "Choose JSON as the body type, and send no file.",
    ),
    code(
        "too_many_attempts",
        &[429],
        Nobody,
        "too many failures, logins or sign-ups",
        "Wait for as many seconds as the header Retry-After says.",
    ),
    code(
        "headers_too_large",
        &[431],
        Builder,
        "the head of the request is too large",
        "Send fewer or shorter headers.",
    ),
    code("internal_error", &[500], Operator, "a fault of the service", "Look for the request id in the log."),
    code(
        "not_configured",
        &[501],
        Operator,
        "the deployment lacks what this needs",
        "`detail` names the variables to set.",
    ),
    code(
        "keys_unavailable",
        &[503],
        Nobody,
        "the public keys of a token's issuer cannot be fetched",
        "Try again in a moment.",
    ),
    code(
        "unavailable",
        &[503],
        Nobody,
        "something that the service depends on fails or is slow",
        "Try again in a moment.",
    ),
];
