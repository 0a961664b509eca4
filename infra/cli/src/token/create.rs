//! `latchkey token create`.

use std::{
    io::{self, Write},
    path::PathBuf,
    time::Duration,
};

use clap::{ArgGroup, Args};
use serde_json::{Map, Value, json};
use shared::{jose::json, keys::service_account::ServiceAccount, token::custom::CustomToken};

use super::account;
use crate::{Failure, deployment, lines::Lines, tell, written};

/// The most that Firebase allows: a token made by hand waits for the hand.
const LIFE: Duration = Duration::from_secs(3600);

/// `latchkey token create`.
#[derive(Args)]
#[command(group(ArgGroup::new("whose").required(true).args(["uid", "lines"])))]
pub struct Create {
    /// The user's id in Firebase, 1 to 128 bytes.
    #[arg(long)]
    uid: Option<String>,
    /// Claims for the ID token, as a JSON object.
    #[arg(long, value_name = "JSON")]
    claims: Option<String>,
    /// The tenant, in a project that has tenants.
    #[arg(long)]
    tenant: Option<String>,
    /// The service account's key file. If it is not given, FIREBASE_SERVICE_ACCOUNT counts (the file's text, base64 of it or a
    /// path to it), then GOOGLE_APPLICATION_CREDENTIALS (a path).
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Read JSON objects {"uid","claims"?,"tenant"?} from standard input, one a line, and answer each with a line:
    /// {"ok":true,"token":…} or {"ok":false,"error":…}.
    #[arg(long, conflicts_with_all = ["claims", "tenant"])]
    lines: bool,
}

impl Create {
    pub fn run(self) -> Result<(), Failure> {
        let claims = self.claims.as_deref().map(|text| json::object(text.as_bytes())).transpose();
        let claims = claims.map_err(|refusal| Failure::wrong_use(format!("--claims {refusal}.")))?;
        let account = account::load(self.key)?;
        let mut output = io::stdout().lock();
        let Some(uid) = self.uid else { return each_line(&account, output) };
        let (token, warnings) = Asked { uid, claims, tenant: self.tenant }.token(&account)?;
        warnings.iter().for_each(|warning| tell(warning));
        written(writeln!(output, "{token}"))
    }
}

/// Answers standard input line by line, each before the next is read.
fn each_line(account: &ServiceAccount, mut output: impl Write) -> Result<(), Failure> {
    let unreadable = |error| Failure::from(format!("Standard input cannot be read: {error}."));
    let mut lines = Lines::new(io::stdin().lock());
    let mut number = 0_u64;
    while let Some(line) = lines.read().map_err(unreadable)? {
        number += 1;
        let answer = match line.and_then(Asked::parse).and_then(|asked| asked.token(account)) {
            Ok((token, warnings)) => {
                warnings.iter().for_each(|warning| tell(&format!("line {number}: {warning}")));
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

/// What a custom token is asked to say.
struct Asked {
    uid: String,
    claims: Option<Map<String, Value>>,
    tenant: Option<String>,
}

impl Asked {
    fn parse(line: &[u8]) -> Result<Self, String> {
        if line.trim_ascii().is_empty() {
            return Err("The line is empty.".to_owned());
        }
        let mut object = json::object(line).map_err(|refusal| format!("The line {refusal}."))?;
        // Its name in the token, and not the one asked for here.
        if object.contains_key("tenant_id") {
            return Err("`tenant_id` is called `tenant` here.".to_owned());
        }
        // `null` is refused, as by the Admin SDK: whose tenant was not filled in would else get a token for none.
        let mut given = |name: &str| object.remove(name);
        Ok(Self {
            uid: match given("uid") {
                Some(Value::String(uid)) => uid,
                Some(_) => return Err("`uid` must be a text.".to_owned()),
                None => return Err("`uid` is missing.".to_owned()),
            },
            claims: match given("claims") {
                Some(Value::Object(claims)) => Some(claims),
                Some(_) => return Err("`claims` must be a JSON object.".to_owned()),
                None => None,
            },
            tenant: match given("tenant") {
                Some(Value::String(tenant)) => Some(tenant),
                Some(_) => return Err("`tenant` must be a text.".to_owned()),
                None => None,
            },
        })
    }

    /// The token, and what its maker should know of it.
    fn token(&self, account: &ServiceAccount) -> Result<(String, Vec<String>), String> {
        let (claims, tenant_id) = (self.claims.as_ref(), self.tenant.as_deref());
        let request = CustomToken { uid: &self.uid, claims, tenant_id, life: LIFE };
        let token =
            account.custom_token(&request, deployment::now()).map_err(|refusal| deployment::refusal(&refusal))?;
        Ok((token, request.warnings()))
    }
}
