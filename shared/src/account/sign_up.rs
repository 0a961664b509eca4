//! Sign-up: the people who may create an account by themselves.

use crate::{
    account::email::{self, Email},
    error::{Error, SignUpRefusal},
};

/// The people who may create an account at `/create-account`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignUp {
    /// Everybody.
    Open,
    /// People with an invitation.
    Invited,
    /// People with an e-mail address of one of these domains, in their UTS-46 form.
    Domains(Vec<String>),
    /// Nobody. An operator creates the accounts.
    Closed,
}

impl SignUp {
    /// Reads `open`, `invited`, `closed`, or `domains:` with e-mail domains separated by commas.
    /// `None` if the text is nothing of this.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "open" => Some(Self::Open),
            "invited" => Some(Self::Invited),
            "closed" => Some(Self::Closed),
            _ => {
                let domains = text.strip_prefix("domains:")?.split(',');
                domains.map(|domain| email::domain(domain.trim())).collect::<Option<_>>().map(Self::Domains)
            }
        }
    }

    /// Refuses the owner of an address who may not create an account. Only a domain of the list
    /// itself counts, and none of its sub-domains: such a domain may belong to somebody else.
    ///
    /// # Errors
    ///
    /// 403 with the code of the rule. Nothing that is stored decides, so that the answer tells
    /// nothing about other accounts.
    pub fn check(&self, email: &Email) -> Result<(), Error> {
        self.check_any(Some(email))
    }

    /// Like [`SignUp::check`], for somebody who may have no address at all.
    ///
    /// # Errors
    ///
    /// As [`SignUp::check`].
    pub fn check_any(&self, email: Option<&Email>) -> Result<(), Error> {
        let is_of = |domain: &String| email.is_some_and(|email| email.domain() == domain);
        let refusal = match self {
            Self::Open => return Ok(()),
            Self::Domains(domains) if domains.iter().any(is_of) => return Ok(()),
            Self::Domains(_) => SignUpRefusal::Domain,
            Self::Invited => SignUpRefusal::Uninvited,
            Self::Closed => SignUpRefusal::Closed,
        };
        Err(Error::SignUp(refusal))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(sign_up: &str, email: &str) -> Option<&'static str> {
        let email = Email::parse(email).unwrap();
        SignUp::parse(sign_up).unwrap().check(&email).err().map(|error| error.status_and_code().1)
    }

    #[test]
    fn who_may_sign_up_is_decided_by_the_rule_and_the_domain_alone() {
        let domains = "domains:a.example, MÜNCHEN.example,xn--bcher-kva.example";
        for (sign_up, email, code) in [
            ("open", "a@anything.example", None),
            ("closed", "a@a.example", Some("sign_up_closed")),
            ("invited", "a@a.example", Some("invitation_required")),
            (domains, "a@a.example", None),
            (domains, "A@A.EXAMPLE", None),
            (domains, "a@xn--mnchen-3ya.example", None),
            (domains, "a@mu\u{308}nchen.example", None),
            (domains, "a@bücher.example", None),
            (domains, "a@x.a.example", Some("email_domain_not_allowed")),
            (domains, "a@xa.example", Some("email_domain_not_allowed")),
            (domains, "a@a.example.evil.example", Some("email_domain_not_allowed")),
            (domains, "a.example@b.example", Some("email_domain_not_allowed")),
        ] {
            assert_eq!(refusal(sign_up, email), code, "{sign_up}: {email}");
        }
    }

    #[test]
    fn a_rule_that_cannot_be_read_is_none() {
        for text in [
            "",
            "Open",
            "everybody",
            "domains",
            "domains:",
            "domains:,",
            "domains:a.example,",
            "domains:a",
            "domains:@a.b",
            "domains:*.a.example",
            "domains:127.0.0.1",
            "domains:a.example;b.example",
            "a.example",
            "open,closed",
        ] {
            assert_eq!(SignUp::parse(text), None, "{text}");
        }
    }
}
