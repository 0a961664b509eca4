//! The code of a mail with its challenge, as every completion reads them.

use shared::{
    account::proof::Code,
    auth::proof::Shown,
    http::fields::{Fields, Input},
};

/// `challenge` and `code`.
pub struct MailedCode {
    challenge: String,
    code: Code,
}

impl Input for MailedCode {
    fn read(fields: &mut Fields) -> Option<Self> {
        let (challenge, code) = (fields.required("challenge"), fields.code("code"));
        Some(Self { challenge: challenge?, code: code? })
    }
}

impl MailedCode {
    /// The code as the flows accept it.
    pub fn shown(&self) -> Shown<'_> {
        Shown::Code { challenge: &self.challenge, code: &self.code }
    }
}
