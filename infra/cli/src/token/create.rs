//! `latchkey token create`.

use std::{
    io::{self, Write},
    path::PathBuf,
    time::Duration,
};

use clap::{ArgGroup, Args};
use serde_json::{Map, Value, json};
use shared::{keys::service_account::ServiceAccount, token::custom::CustomToken};

use super::account;
use crate::{
    Failure, deployment,
    files::as_utf8,
    lines::{self, Lines},
    tell, written,
};

/// The longest life that Firebase allows, because a person needs time to use the token.
const LIFE: Duration = Duration::from_secs(3600);

/// `latchkey token create`.
#[derive(Args)]
#[command(group(ArgGroup::new("whose").required(true).args(["uid", "lines"])))]
pub struct Create {
    /// The user's id in Firebase: 1 to 128 bytes.
    #[arg(long)]
    uid: Option<String>,
    /// Claims for the ID token, as a JSON object.
    #[arg(long, value_name = "JSON")]
    claims: Option<String>,
    /// The tenant, in a project that has tenants.
    #[arg(long)]
    tenant: Option<String>,
    /// The service account's key file. Without it FIREBASE_SERVICE_ACCOUNT counts (the file's text,
    /// its base64 or a path to it), then GOOGLE_APPLICATION_CREDENTIALS (a path).
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Read JSON objects {"uid","claims"?,"tenant"?} from standard input, one a line, and answer
    /// each with a line: {"ok":true,"token":…} or {"ok":false,"error":…}.
    #[arg(long, conflicts_with_all = ["claims", "tenant"])]
    lines: bool,
}

impl Create {
    pub async fn run(self) -> Result<(), Failure> {
        let claims = self.claims.as_deref().map(|text| lines::object("--claims", text.as_bytes())).transpose();
        let claims = claims.map_err(Failure::wrong_use)?;
        let account = account::load(self.key)?;
        let mut output = io::stdout().lock();
        let Some(uid) = self.uid else { return each_line(&account, output).await };
        let (token, warnings) = TokenRequest { uid, claims, tenant: self.tenant }.token(&account).await?;
        warnings.iter().for_each(|warning| tell(warning));
        written(writeln!(output, "{token}"))
    }
}

/// Answers standard input line by line. Answers each line before it reads the next.
async fn each_line(account: &ServiceAccount, mut output: impl Write) -> Result<(), Failure> {
    let unreadable = |error| Failure::from(format!("Standard input cannot be read: {error}."));
    let mut lines = Lines::new(as_utf8(io::stdin()).map_err(unreadable)?);
    while let Some(line) = lines.read_filled().map_err(unreadable)? {
        let made = match line.and_then(TokenRequest::parse) {
            Ok(request) => request.token(account).await,
            Err(error) => Err(error),
        };
        let answer = match made {
            Ok((token, warnings)) => {
                warnings.iter().for_each(|warning| tell(&format!("line {}: {warning}", lines.number())));
                json!({"ok": true, "token": token})
            }
            Err(error) => json!({"ok": false, "error": error}),
        };
        let answered = writeln!(output, "{answer}").and_then(|()| output.flush());
        if answered.is_err() {
            return written(answered);
        }
    }
    Ok(())
}

/// The contents of a custom token.
struct TokenRequest {
    uid: String,
    claims: Option<Map<String, Value>>,
    tenant: Option<String>,
}

impl TokenRequest {
    fn parse(line: &[u8]) -> Result<Self, String> {
        let mut object = lines::object("The line", line)?;
        // `tenant_id` is the name in the token, and no key of a line.
        if object.contains_key("tenant_id") {
            return Err("`tenant_id` is called `tenant` here.".to_owned());
        }
        // `null` is refused, as the Admin SDK does. Otherwise a template whose tenant was not
        // filled in would get a token without a tenant.
        let mut remove = |name: &str| object.remove(name);
        Ok(Self {
            uid: match remove("uid") {
                Some(Value::String(uid)) => uid,
                Some(_) => return Err("`uid` must be a text.".to_owned()),
                None => return Err("`uid` is missing.".to_owned()),
            },
            claims: match remove("claims") {
                Some(Value::Object(claims)) => Some(claims),
                Some(_) => return Err("`claims` must be a JSON object.".to_owned()),
                None => None,
            },
            tenant: match remove("tenant") {
                Some(Value::String(tenant)) => Some(tenant),
                Some(_) => return Err("`tenant` must be a text.".to_owned()),
                None => None,
            },
        })
    }

    /// The token, and warnings about its claims.
    async fn token(&self, account: &ServiceAccount) -> Result<(String, Vec<String>), String> {
        let (claims, tenant_id) = (self.claims.as_ref(), self.tenant.as_deref());
        let request = CustomToken { uid: &self.uid, claims, tenant_id, life: LIFE };
        let token =
            account.custom_token(&request, deployment::now()).await.map_err(|refusal| deployment::refusal(&refusal))?;
        Ok((token, request.warnings()))
    }
}
