//! The records of the domain that mails come from: SPF, DKIM and DMARC.
//!
//! A mailbox believes a sender whose domain lets the server send (SPF, RFC 7208), or has signed the
//! mail (DKIM, RFC 6376). DMARC (RFC 7489) asks that one of the two is of the sender's own domain.

use super::{Finding, dns::Dns, fail, ok, warn};

const SPF: &str = "SPF record";
const DKIM: &str = "DKIM records";
const DMARC: &str = "DMARC record";

/// The part of an SPF record that lets Amazon SES send.
const SES_SENDS: &str = "include:amazonses.com";

/// The things that Amazon SES wants in the DNS of an identity.
pub struct SesRecords {
    /// The names of the DKIM keys. None for an identity that is an address alone.
    pub dkim_tokens: Vec<String>,
    /// The domain of the return path. `None` if it is Amazon's own.
    pub mail_from: Option<String>,
}

/// Looks at the records of a domain whose mails another server sends.
pub async fn examine(dns: &Dns, domain: &str) -> Vec<Finding> {
    let spf = match dns.texts(domain).await {
        Ok(texts) => own_spf(domain, &texts),
        Err(why) => warn(SPF, why),
    };
    vec![spf, dmarc(dns, domain, true).await]
}

/// Looks at the records of a domain whose mails Amazon SES sends.
pub async fn examine_ses(dns: &Dns, domain: &str, records: &SesRecords) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(mail_from) = &records.mail_from {
        findings.push(return_path(dns, mail_from).await.unwrap_or_else(|why| warn(SPF, why)));
    }
    let signs = !records.dkim_tokens.is_empty();
    if signs {
        findings.push(dkim(dns, domain, &records.dkim_tokens).await.unwrap_or_else(|why| warn(DKIM, why)));
    }
    findings.push(dmarc(dns, domain, signs || records.mail_from.is_some()).await);
    findings
}

/// Reads the SPF record of a domain, whose servers this tool does not know.
fn own_spf(domain: &str, texts: &[String]) -> Finding {
    match &spf_records(texts)[..] {
        [] => warn(SPF, format!("{domain} has none: ask your provider of mails for the text, and add it")),
        [one] => ok(SPF, format!("{domain}: {one}")),
        more => fail(SPF, format!("{domain} has {} of them, so that none counts: make one of them", more.len())),
    }
}

fn spf_records(texts: &[String]) -> Vec<&String> {
    let is_spf = |text: &&String| text.split(' ').next().is_some_and(|word| word.eq_ignore_ascii_case("v=spf1"));
    texts.iter().filter(is_spf).collect()
}

/// The domain of the return path must let SES send, and let SES receive what comes back.
async fn return_path(dns: &Dns, mail_from: &str) -> Result<Finding, String> {
    let (texts, servers) = (dns.texts(mail_from).await?, dns.mail_servers(mail_from).await?);
    let is_amazons = |server: &String| server.starts_with("feedback-smtp.") && server.ends_with(".amazonses.com");
    Ok(match &spf_records(&texts)[..] {
        [] => fail(SPF, format!("{mail_from} has none: add the text v=spf1 {SES_SENDS} ~all")),
        [one] if !one.split(' ').any(|word| word.trim_start_matches('+').eq_ignore_ascii_case(SES_SENDS)) => {
            fail(SPF, format!("{mail_from} does not let Amazon SES send: {SES_SENDS} is missing in {one}"))
        }
        [_] if !servers.iter().any(is_amazons) => {
            let text = "the MX record of Amazon SES is missing, feedback-smtp.REGION.amazonses.com";
            fail(SPF, format!("{mail_from} lets Amazon SES send, but {text}"))
        }
        [_] => ok(SPF, format!("{mail_from} lets Amazon SES send, and is of the sender's domain")),
        more => fail(SPF, format!("{mail_from} has {} of them, so that none counts: make one of them", more.len())),
    })
}

/// Each key of SES is behind an alias.
async fn dkim(dns: &Dns, domain: &str, tokens: &[String]) -> Result<Finding, String> {
    let mut missing = Vec::new();
    for token in tokens {
        let name = format!("{token}._domainkey.{domain}");
        let wanted = format!("{token}.dkim.amazonses.com").to_ascii_lowercase();
        if dns.alias(&name).await?.as_ref() != Some(&wanted) {
            missing.push(format!("{name} CNAME {wanted}"));
        }
    }
    Ok(match missing.is_empty() {
        true => ok(DKIM, format!("{} of {} are in the DNS of {domain}", tokens.len(), tokens.len())),
        false => fail(DKIM, format!("{} of {} are missing: {}", missing.len(), tokens.len(), missing.join(", "))),
    })
}

/// The policy of the domain, or else that of a domain above it. `is_aligned` says whether mails
/// satisfy it at all.
async fn dmarc(dns: &Dns, domain: &str, is_aligned: bool) -> Finding {
    let labels: Vec<&str> = domain.split('.').collect();
    for skipped in 0..labels.len().saturating_sub(1) {
        let name = labels.get(skipped..).map(|labels| labels.join(".")).unwrap_or_default();
        let texts = match dns.texts(&format!("_dmarc.{name}")).await {
            Ok(texts) => texts,
            Err(why) => return warn(DMARC, why),
        };
        let records: Vec<_> = texts.into_iter().filter(|text| is_dmarc(text)).collect();
        match &records[..] {
            [] => {}
            [one] => return policy(&name, one, skipped > 0, is_aligned),
            _ => return fail(DMARC, format!("_dmarc.{name} has several, so that none counts: keep one")),
        }
    }
    let text = "large providers ask for one. Add the text v=DMARC1; p=none under";
    warn(DMARC, format!("none: {text} _dmarc.{domain}"))
}

fn is_dmarc(text: &str) -> bool {
    text.split(';').next().is_some_and(|tag| tag.trim().eq_ignore_ascii_case("v=DMARC1"))
}

fn policy(name: &str, record: &str, is_inherited: bool, is_aligned: bool) -> Finding {
    let tag = |wanted: &str| {
        let tags = record.split(';').filter_map(|tag| tag.split_once('='));
        tags.map(|(key, value)| (key.trim(), value.trim().to_ascii_lowercase())).find(|(key, _)| *key == wanted)
    };
    let subdomains = if is_inherited { tag("sp") } else { None };
    let Some((_, policy)) = subdomains.or_else(|| tag("p")) else {
        return fail(DMARC, format!("_dmarc.{name} has no policy: p= is missing in {record}"));
    };
    match policy.as_str() {
        "none" => ok(DMARC, format!("_dmarc.{name} asks mailboxes to refuse nothing (p=none)")),
        "quarantine" | "reject" if is_aligned => ok(DMARC, format!("_dmarc.{name}: {policy}")),
        "quarantine" | "reject" => {
            let why = "nothing about these mails is of the sender's domain. Make the domain an identity of SES";
            fail(DMARC, format!("_dmarc.{name} asks mailboxes to {policy} them: {why}"))
        }
        other => {
            fail(DMARC, format!("_dmarc.{name} has the policy {other}, which is none of none, quarantine, reject"))
        }
    }
}
