//! The way of mails.

use std::net::SocketAddr;

use aws_sdk_sesv2::{
    Client,
    error::DisplayErrorContext,
    operation::get_email_identity::GetEmailIdentityOutput,
    types::{DkimStatus, MailFromDomainStatus},
};
use shared::config::{Config, MailBy, MailSettings};

use super::{
    Finding,
    dns::Dns,
    fail, ok,
    sender::{self, SesRecords},
    warn,
};
use crate::aws::Aws;

const CHECK: &str = "mails";
/// Providers whose users cannot make Amazon SES sign for them (DKIM). DMARC fails for such a
/// sender, and many mailboxes refuse the mails.
const PROVIDERS: [&str; 6] = ["gmail.com", "googlemail.com", "outlook.com", "hotmail.com", "yahoo.com", "icloud.com"];

/// Says who sends the mails, and asks Amazon SES whether it does.
pub async fn examine(config: &Config, aws: &Aws, dns_server: Option<SocketAddr>) -> Vec<Finding> {
    let settings = &config.mail;
    let from = settings.from.as_ref().map(|from| from.address.as_str()).unwrap_or_default();
    let mut findings = match settings.by {
        MailBy::Off => vec![ok(CHECK, "off: endpoints that need a mail answer 501")],
        MailBy::Outbox => vec![ok(CHECK, "each is a file in the data folder, and nobody gets it; MAIL sends them")],
        MailBy::Webhook => vec![ok(CHECK, "a webhook sends them; `latchkey mail test TO` calls it")],
        MailBy::Smtp => {
            let mut findings = vec![ok(CHECK, format!("by SMTP, from {from}; `latchkey mail test TO` tries it"))];
            if let Some(from) = &settings.from {
                findings.extend(match Dns::new(dns_server) {
                    Ok(dns) => sender::examine(&dns, from.domain()).await,
                    Err(why) => vec![warn("DNS", why)],
                });
            }
            findings
        }
        MailBy::Ses => match aws.ses().await {
            Ok(client) => ses(&client, settings, dns_server).await,
            Err(why) => vec![fail(CHECK, why)],
        },
    };
    let is_deployed = matches!(settings.by, MailBy::Ses | MailBy::Smtp | MailBy::Webhook);
    if is_deployed && settings.public_url.is_none() {
        findings.push(ok("links in mails", "none: mails have codes alone. PUBLIC_URL adds links"));
    }
    findings
}

async fn ses(client: &Client, settings: &MailSettings, dns_server: Option<SocketAddr>) -> Vec<Finding> {
    let Some(from) = &settings.from else { return vec![fail(CHECK, "MAIL_FROM is not set")] };
    let mut findings = vec![account(client, settings.per_day).await];
    let (of_identity, records) = identity(client, &from.address, from.domain()).await;
    findings.extend(of_identity);
    if let Some(records) = records {
        findings.extend(match Dns::new(dns_server) {
            Ok(dns) => sender::examine_ses(&dns, from.domain(), &records).await,
            Err(why) => vec![warn("DNS", why)],
        });
    }
    if PROVIDERS.contains(&from.domain()) {
        let text = format!(
            "{} is a provider's domain: DMARC fails for it through SES. Use a domain of your own",
            from.domain()
        );
        findings.push(fail("sender", text));
    }
    findings
}

/// The state and the quota of the account.
async fn account(client: &Client, per_day: u64) -> Finding {
    const CHECK: &str = "Amazon SES";
    let account = match client.get_account().send().await {
        Ok(account) => account,
        Err(error) => {
            return fail(
                CHECK,
                format!("it cannot be asked: {}. ses:GetAccount is needed", DisplayErrorContext(&error)),
            );
        }
    };
    let quota = account.send_quota();
    let (max, sent) = quota.map_or((0.0, 0.0), |quota| (quota.max24_hour_send(), quota.sent_last24_hours()));
    if !account.sending_enabled() {
        return fail(CHECK, "Amazon has paused sending: look at the console of SES, and answer its mail");
    }
    if !account.production_access_enabled() {
        let text = format!("the sandbox: {max:.0} mails a day, to verified addresses alone. Ask for production access");
        return warn(CHECK, text);
    }
    if max >= 0.0 && (per_day as f64) > max {
        return warn(CHECK, format!("it sends {max:.0} mails a day, and MAIL_PER_DAY allows {per_day}"));
    }
    ok(CHECK, format!("{sent:.0} of {max:.0} mails were sent in the last 24 hours"))
}

/// The identity that mails are sent as: the domain, or else the address alone. With the records
/// that its DNS must have, once the identity is verified.
async fn identity(client: &Client, address: &str, domain: &str) -> (Vec<Finding>, Option<SesRecords>) {
    const CHECK: &str = "sender";
    let asked = async |name: &str| client.get_email_identity().email_identity(name).send().await;
    let (name, identity) = match asked(domain).await {
        Ok(identity) => (domain, identity),
        Err(_) => match asked(address).await {
            Ok(identity) => (address, identity),
            Err(error) => {
                let cause = DisplayErrorContext(&error);
                let text = format!("neither {domain} nor {address} is an identity of SES: {cause}");
                return (vec![fail(CHECK, text)], None);
            }
        },
    };
    if !identity.verified_for_sending_status() {
        let text = format!("{name} is not verified: its records are not in its DNS yet");
        return (vec![fail(CHECK, text)], Some(records(&identity, name == domain)));
    }
    let is_signed = identity.dkim_attributes().and_then(|dkim| dkim.status()) == Some(&DkimStatus::Success);
    let mail_from = identity.mail_from_attributes().map(|from| from.mail_from_domain_status());
    let dkim = if is_signed {
        ok("DKIM", format!("{name} signs"))
    } else {
        warn("DKIM", format!("{name} does not sign: add its records"))
    };
    let aligned = match mail_from {
        Some(MailFromDomainStatus::Success) => ok("SPF", "the return path is in the domain"),
        _ => warn("SPF", "the return path is Amazon's domain, so that DMARC rests on DKIM alone"),
    };
    (vec![ok(CHECK, format!("{name} is verified")), dkim, aligned], Some(records(&identity, name == domain)))
}

/// The records that SES wants in the DNS. An address has no keys of its own.
fn records(identity: &GetEmailIdentityOutput, is_domain: bool) -> SesRecords {
    let tokens = identity.dkim_attributes().filter(|_| is_domain).map(|dkim| dkim.tokens().to_vec());
    let mail_from = identity.mail_from_attributes().map(|from| from.mail_from_domain().to_owned());
    SesRecords { dkim_tokens: tokens.unwrap_or_default(), mail_from: mail_from.filter(|domain| !domain.is_empty()) }
}
