//! Accounts and passwords.

use http::Uri;

use super::{AppUrls, Environment, firebase::is_safe_url, identity_providers};
use crate::{
    account::{admission::Admission, roles::Roles, sign_up::SignUp},
    password::Policy,
    token::provider::Provider,
};

/// The least memory and iterations for argon2id in OWASP's password storage cheat sheet.
const ARGON2_MEMORY_KIB_MIN: u64 = 19_456;
const ARGON2_ITERATIONS_MIN: u64 = 2;

/// The fewest letters and digits of a name of the app.
const SERVICE_NAME_MIN: usize = 4;
/// The list of Have I Been Pwned.
const BREACH_LIST: &str = "https://api.pwnedpasswords.com/range/";

/// The rules for accounts and passwords, and the limits on guessing.
#[derive(Clone, Debug)]
pub struct Accounts {
    /// Admits only accounts with a verified e-mail address. Defaults to `false`. Accepts `true` or
    /// `false`. Read from `REQUIRE_VERIFIED_EMAIL`. A new account gets its tokens once the address
    /// is verified: by the mail that it gets, or by `latchkey users set-verified`. `/login/email`
    /// then mails a code whatever `EMAIL_SIGN_IN` says. A session from before ends at its next
    /// refresh.
    /// For a Firebase ID token without an e-mail address, the address of the account counts.
    pub admission: Admission,
    /// Names the people who may create an account at `/create-account`. Defaults to `open`. Accepts
    /// `open`, `invited`, `closed`, or `domains:` with e-mail domains separated by commas, such as
    /// `domains:a.example,b.example`. Read from `SIGN_UP`. A domain of the list admits no address
    /// of its sub-domains. With `invited` and `closed` an operator makes the accounts, with
    /// `latchkey users invite` or `create`, with an admin key, or by an import.
    pub sign_up: SignUp,
    /// Lets people log in by a code that is mailed, at `/login/email`. Defaults to `off`. Accepts
    /// `off`, `existing` or `sign_up`. Read from `EMAIL_SIGN_IN`. With `existing` whoever has an
    /// account may. With `sign_up` the code also makes an account, for whoever `SIGN_UP` lets in.
    pub email_sign_in: EmailSignIn,
    /// Puts a link into the mail that logs in, beside the code. Defaults to `false`. Accepts `true`
    /// or `false`. Read from `EMAIL_SIGN_IN_LINK`. Needs `APP_URLS` and `PUBLIC_URL`. The link
    /// leads to a page, and the page to the app that asked: to the `continue_url` of
    /// `/login/email`. A request without one gets a mail with the code alone.
    pub email_sign_in_link: bool,
    /// Names the apps that people go on to from the pages of mails. Has no default. Accepts origins
    /// such as `https://app.example` and schemes such as `myapp://`, separated by commas. Read from
    /// `APP_URLS`. A `continue_url` begins with one of them, letter for letter. An origin with
    /// `http://` must be an address of one machine.
    pub app_urls: AppUrls,
    /// Names the providers whose ID tokens are exchanged for sessions, at `/exchange`. Has no
    /// default. Accepts a JSON list, such as
    /// `[{"id":"google","client_ids":["…"]},{"id":"firebase"}]`. Read from `IDENTITY_PROVIDERS`.
    /// The ids `google`, `apple`, `facebook` and `firebase` have rules of their own. Any other id
    /// is a provider of OpenID Connect, with `issuer`, `jwks` and `client_ids`.
    pub identity_providers: Vec<Provider>,
    /// Mails a code and a link to the address of each new account, which verify the address.
    /// Defaults to `off`. Accepts `send` or `off`. Read from `VERIFY_EMAIL`. The mail is sent in
    /// any case if `REQUIRE_VERIFIED_EMAIL` holds. Both need `MAIL`.
    pub verify_email: bool,
    /// Sets the least length of a new password, in code points. Defaults to 8. Accepts 8 to 64.
    /// Read from `PASSWORD_MIN_LENGTH`.
    ///
    /// Sets the memory that a password's Argon2id hash uses, in KiB. Defaults to 19456. Accepts
    /// 19456 to 262144. Read from `ARGON2_MEMORY_KIB`.
    ///
    /// Sets the number of iterations of a password's Argon2id hash. Defaults to 2. Accepts 2 to 16.
    /// Read from `ARGON2_ITERATIONS`.
    pub password_policy: Policy,
    /// Names the app, so that a new password must not contain one of the names. Has no default.
    /// Accepts names of at least four letters or digits, separated by commas. Read from
    /// `SERVICE_NAMES`.
    pub service_names: Vec<String>,
    /// Checks new passwords against a list of breached ones. Defaults to `false`. Accepts `true`,
    /// `false` or the URL of a list that answers as Have I Been Pwned does. Read from
    /// `PASSWORD_BREACH_CHECK`. Five characters of the password's SHA-1 leave the process. A list
    /// that gives no answer within 400 ms refuses nothing.
    pub breach_list: Option<Uri>,
    /// Names roles, so that access tokens have `role` beside `role_id`. Has no default. Accepts
    /// pairs of a number and a word, separated by commas, such as `1=member,2=editor`. Read from
    /// `ROLES`. A word has 1 to 32 letters, digits and signs of `_ . -`.
    pub roles: Roles,
    /// Counts failed logins and new accounts, and slows down guessing. Defaults to `on`. Accepts
    /// `on` or `off`. Read from `RATE_LIMITS`. Load tests use `off`, which Lambda and Cloud Run
    /// refuse. `latchkey serve` refuses `off` where it listens on an address that is not loopback.
    pub rate_limits: bool,
}

impl Accounts {
    pub(super) fn read(env: &mut Environment) -> Self {
        let accounts = Self {
            admission: Admission { require_verified_email: env.flag("REQUIRE_VERIFIED_EMAIL") },
            sign_up: sign_up(env),
            email_sign_in: email_sign_in(env),
            email_sign_in_link: env.flag("EMAIL_SIGN_IN_LINK"),
            app_urls: AppUrls::read(env),
            identity_providers: identity_providers::read(env),
            verify_email: env.switch("VERIFY_EMAIL", ("send", "off"), false),
            password_policy: password_policy(env),
            service_names: service_names(env),
            breach_list: breach_list(env),
            roles: roles(env),
            rate_limits: rate_limits(env),
        };
        if accounts.email_sign_in_link && accounts.app_urls.is_empty() {
            env.refuse("EMAIL_SIGN_IN_LINK", "needs APP_URLS, since the link leads to one of these apps");
        }
        accounts
    }
}

/// The people who may log in by a mailed code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EmailSignIn {
    /// Nobody.
    #[default]
    Off,
    /// Whoever has an account.
    Existing,
    /// Whoever has an account, or may make one.
    SignUp,
}

fn email_sign_in(env: &mut Environment) -> EmailSignIn {
    const NAME: &str = "EMAIL_SIGN_IN";
    match env.word(NAME).as_deref() {
        None | Some("off") => EmailSignIn::Off,
        Some("existing") => EmailSignIn::Existing,
        Some("sign_up") => EmailSignIn::SignUp,
        Some(_) => {
            env.refuse(NAME, "must be off, existing or sign_up");
            EmailSignIn::Off
        }
    }
}

fn sign_up(env: &mut Environment) -> SignUp {
    const NAME: &str = "SIGN_UP";
    let Some(text) = env.word(NAME) else { return SignUp::Open };
    SignUp::parse(&text).unwrap_or_else(|| {
        let values = "must be open, invited, closed, or domains: with e-mail domains separated by commas, such as \
                      domains:a.example,b.example";
        env.refuse(NAME, &format!("{values}{}", sign_up_fault(&text)));
        SignUp::Closed
    })
}

/// Names the fault of this text, as a clause behind a colon. Empty if nothing is known.
fn sign_up_fault(text: &str) -> &'static str {
    let Some(domains) = text.strip_prefix("domains:") else {
        return match text.split_once(':') {
            Some(("domain", _)) => ": this one begins with domain:",
            None if text.contains(['.', '@']) => ": this one lacks domains: at its beginning",
            _ => "",
        };
    };
    if domains.contains("//") {
        ": this one has a URL in it"
    } else if domains.contains('@') {
        ": this one has an @, and a domain is the part behind it"
    } else if domains.contains('*') {
        ": this one has a wildcard, and sub-domains are named one by one"
    } else if domains.contains([';', '|'])
        || domains.split(',').any(|domain| domain.trim().contains(char::is_whitespace))
    {
        ": this one has other separators"
    } else if domains.trim().is_empty() {
        ": this one names no domain"
    } else if domains.split(',').any(|domain| domain.trim().is_empty()) {
        ": this one has an empty entry"
    } else {
        ": this one has an entry that is no domain"
    }
}

fn password_policy(env: &mut Environment) -> Policy {
    Policy {
        length_min: env.number("PASSWORD_MIN_LENGTH", 8, 8, 64) as usize,
        memory_kib: env.number("ARGON2_MEMORY_KIB", ARGON2_MEMORY_KIB_MIN, ARGON2_MEMORY_KIB_MIN, 262_144) as u32,
        iterations: env.number("ARGON2_ITERATIONS", ARGON2_ITERATIONS_MIN, ARGON2_ITERATIONS_MIN, 16) as u32,
    }
}

fn service_names(env: &mut Environment) -> Vec<String> {
    const NAME: &str = "SERVICE_NAMES";
    let text = env.text(NAME).unwrap_or_default();
    let names: Vec<String> =
        text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
    // A shorter name is in many good passwords by chance.
    if names.iter().any(|name| name.chars().filter(|c| c.is_alphanumeric()).count() < SERVICE_NAME_MIN) {
        env.refuse(NAME, "must be names of at least four letters or digits, separated by commas");
    } else if text.contains([';', '|', '[', ']', '{', '}', '"']) {
        env.refuse(NAME, "must be names separated by commas, without brackets, quotation marks and semicolons");
    }
    names
}

fn breach_list(env: &mut Environment) -> Option<Uri> {
    const NAME: &str = "PASSWORD_BREACH_CHECK";
    match env.text(NAME).as_deref() {
        None => None,
        Some(text) if text.eq_ignore_ascii_case("false") => None,
        Some(text) if text.eq_ignore_ascii_case("true") => Some(Uri::from_static(BREACH_LIST)),
        Some(text) => {
            let list = text.parse::<Uri>().ok().filter(|uri| is_safe_url(uri) && uri.path().ends_with('/'));
            if list.is_none() {
                env.refuse(NAME, "must be true, false, or a URL that begins with https:// and ends with /");
            }
            list
        }
    }
}

fn rate_limits(env: &mut Environment) -> bool {
    const NAME: &str = "RATE_LIMITS";
    let on = env.switch(NAME, ("on", "off"), true);
    if let Some(by) = env.platform.deployed_by.filter(|_| !on) {
        env.refuse(NAME, &format!("is off, which lets everybody guess, and {by} says that this is deployed"));
    }
    on
}

fn roles(env: &mut Environment) -> Roles {
    const NAME: &str = "ROLES";
    let text = env.text(NAME).unwrap_or_default();
    Roles::parse(&text).unwrap_or_else(|| {
        env.refuse(NAME, "must be numbers with words, separated by commas, such as 1=member,2=editor");
        Roles::default()
    })
}
