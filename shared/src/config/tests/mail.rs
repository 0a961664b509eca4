//! The settings of mails.

use super::{Config, Misconfigured, Source, read};
use crate::{account::event::EventTypes, config::MailBy};

const LAMBDA: [(&str, &str); 2] = [("AWS_LAMBDA_FUNCTION_NAME", "mail"), ("SIGNING_KEYS_SECRET_ID", "keys")];
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn with(variables: &[(&str, &str)], more: &[(&str, &str)]) -> Result<Config, Misconfigured> {
    read(&[variables, more].concat())
}

#[test]
fn mails_are_files_on_a_laptop_and_off_elsewhere() {
    let mail = read(&[]).unwrap().mail;
    assert_eq!((mail.by, mail.is_chosen, mail.app.as_str(), mail.per_day), (MailBy::Outbox, false, "Latchkey", 200));
    assert!(mail.code_in_subject && mail.from.is_none() && mail.public_url.is_none() && mail.secret().is_none());
    assert_eq!(read(&LAMBDA).unwrap().mail.by, MailBy::Off);
    assert!(read(&[("MAIL", "Outbox")]).unwrap().mail.is_chosen);
    let refusal = with(&LAMBDA, &[("MAIL", "outbox")]).unwrap_err().to_string();
    assert!(refusal.starts_with("MAIL is outbox, which keeps mails in files"), "{refusal}");
}

#[test]
fn each_way_needs_its_variables_and_the_missing_ones_are_named() {
    let from = ("MAIL_FROM", "Herbs <login@herbs.example>");
    for (variables, missing) in [
        (&[("MAIL", "ses")][..], &["MAIL_FROM"][..]),
        (&[("MAIL", "ses"), from], &[]),
        (&[("MAIL", "smtp")], &["MAIL_FROM", "SMTP_URL_SECRET_ID"]),
        (&[("MAIL", "smtp"), from, ("SMTP_URL", "smtps://u:p@smtp.example")], &[]),
        (&[("MAIL", "smtp"), from, ("SMTP_URL_SECRET_ID", "smtp")], &[]),
        (&[("MAIL", "webhook")], &["MAIL_WEBHOOK_URL", "MAIL_WEBHOOK_SECRET_ID"]),
        (&[("MAIL", "webhook"), ("MAIL_WEBHOOK_URL", "https://x.example/mail"), ("MAIL_WEBHOOK_SECRET", SECRET)], &[]),
        (&[("MAIL", "off")], &[]),
    ] {
        let refusal = read(variables).map_or_else(|refusal| refusal.to_string(), |_| String::new());
        let names: Vec<_> = refusal.lines().filter_map(|line| line.split(' ').next()).collect();
        assert_eq!(names, missing, "{variables:?}");
    }
    let config = read(&[("MAIL", "smtp"), from, ("SMTP_URL_SECRET_ID", "smtp")]).unwrap();
    assert_eq!(config.key_sources(None).mail, Some(Source::Secret("smtp".to_owned())));
}

#[test]
fn a_value_that_cannot_work_is_refused_by_its_name_and_not_quoted_if_it_may_be_a_secret() {
    for (name, value) in [
        ("MAIL", "smtps://u:hunter2@smtp.example"),
        ("MAIL", "login@herbs.example"),
        ("MAIL", "sendgrid"),
        ("MAIL_FROM", "Herbs"),
        ("MAIL_FROM", "a@b.example, c@d.example"),
        ("MAIL_REPLY_TO", "nobody"),
        ("APP_NAME", "a name that has more than forty characters in it"),
        ("APP_NAME", "{code}"),
        ("MAIL_CODE_IN_SUBJECT", "yes"),
        ("MAIL_PER_DAY", "0"),
        ("SMTP_URL", "smtp.example hunter2"),
        ("SMTP_URL", "https://u:hunter2@smtp.example"),
        ("SMTP_URL_SECRET_ID", "smtps://u:hunter2@smtp.example"),
        ("MAIL_WEBHOOK_SECRET", "hunter2"),
        ("MAIL_WEBHOOK_SECRET_ID", "{\"hunter2\": 1}"),
        ("MAIL_WEBHOOK_URL", "http://x.example/?hunter2"),
        ("MAIL_WEBHOOK_URL", "https://u:hunter2@x.example/"),
        ("MAIL_WEBHOOK_URL", "https://169.254.169.254/latest"),
        ("MAIL_WEBHOOK_URL", "https://[fd00:ec2::254]/"),
        ("MAIL_WEBHOOK_URL", "https://10.0.0.1/"),
        ("MAIL_WEBHOOK_URL", "https://2130706433.example.:0443x/"),
        ("MAIL_WEBHOOK_URL", "x.example/mail"),
        ("LEGACY_LOGIN_URL", "http://x.example/?hunter2"),
        ("LEGACY_LOGIN_URL", "https://10.0.0.1/"),
        ("LEGACY_LOGIN_URL", "https://[fd00:ec2::254]/"),
        ("LEGACY_LOGIN_SECRET", "hunter2"),
        ("LEGACY_LOGIN_SECRET_ID", "{\"hunter2\": 1}"),
        ("SES_CONFIGURATION_SET", "my set"),
        ("PUBLIC_URL", "login.example"),
        ("PUBLIC_URL", "https://login.example/?hunter2"),
    ] {
        let refusal = read(&[(name, value)]).unwrap_err().to_string();
        assert!(refusal.starts_with(name) && refusal.lines().count() == 1, "{name}={value}: {refusal}");
        assert!(!refusal.contains("hunter2"), "{refusal}");
    }
    for url in
        ["http://127.0.0.1:9000/", "http://localhost:9000/", "https://hook.example/x?token=1", "https://1.1.1.1/"]
    {
        assert!(read(&[("MAIL_WEBHOOK_URL", url)]).is_ok(), "{url}");
    }
}

#[test]
fn links_of_a_deployed_service_begin_with_https() {
    let url = |more: &[(&str, &str)], url| with(more, &[("PUBLIC_URL", url)]).map(|config| config.mail.public_url);
    assert_eq!(url(&LAMBDA, "https://login.example/"), Ok(Some("https://login.example".to_owned())));
    assert_eq!(url(&[], "http://192.168.1.5:8080"), Ok(Some("http://192.168.1.5:8080".to_owned())));
    assert!(url(&LAMBDA, "http://login.example").unwrap_err().to_string().starts_with("PUBLIC_URL must begin"));
}

#[test]
fn another_system_is_asked_about_passwords_in_signed_calls_alone() {
    let url = ("LEGACY_LOGIN_URL", "https://old.example/check");
    assert!(read(&[url]).unwrap_err().to_string().starts_with("LEGACY_LOGIN_SECRET_ID is required with"));
    let config = read(&[url, ("LEGACY_LOGIN_SECRET_ID", "legacy")]).unwrap();
    assert_eq!(config.key_sources(None).legacy_login, Some(Source::Secret("legacy".to_owned())));
    assert!(read(&[]).unwrap().legacy_login.url.is_none(), "off by default");
}

#[test]
fn events_are_told_in_signed_calls_to_a_public_server_alone_and_only_those_that_are_chosen() {
    let (url, secret) = (("EVENT_WEBHOOK_URL", "https://hook.example/a?key=1"), ("EVENT_WEBHOOK_SECRET_ID", "hook"));
    assert!(read(&[url]).unwrap_err().to_string().starts_with("EVENT_WEBHOOK_SECRET_ID is required with"));
    let config = read(&[url, secret]).unwrap();
    assert_eq!(config.key_sources(None).event_webhook, Some(Source::Secret("hook".to_owned())));
    assert_eq!(config.event_webhook.types, EventTypes::usual());
    assert!(!read(&[]).unwrap().event_webhook.is_on(), "off by default");
    let chosen = |types| read(&[url, secret, ("EVENT_WEBHOOK_TYPES", types)]).map(|config| config.event_webhook.types);
    assert_eq!(chosen("user.created, User.Deleted,").unwrap().to_string(), "user.created, user.deleted");
    for (types, words) in
        [(",", "must be a list"), ("user.*", "this one is none of them"), ("user.created,x", "entry 2")]
    {
        assert!(chosen(types).unwrap_err().to_string().contains(words), "{types}");
    }
    for private in [
        "http://hook.example/",
        "https://10.1.2.3/",
        "https://169.254.169.254/latest/meta-data",
        "https://100.64.0.1/",
        "https://224.0.0.1/",
        "https://[::ffff:10.0.0.1]/",
        "https://[fd00::1]/",
        "https://me:pw@hook.example/",
        "ftp://hook.example/",
    ] {
        let refusal = read(&[("EVENT_WEBHOOK_URL", private), secret]).unwrap_err().to_string();
        assert!(refusal.starts_with("EVENT_WEBHOOK_URL must be"), "{private}: {refusal}");
    }
}

#[test]
fn a_link_that_logs_in_needs_an_app_to_lead_to() {
    let refusal = read(&[("EMAIL_SIGN_IN_LINK", "true")]).unwrap_err().to_string();
    assert!(refusal.starts_with("EMAIL_SIGN_IN_LINK needs APP_URLS"), "{refusal}");
    let with = |more: &[(&str, &str)]| {
        with(&[("EMAIL_SIGN_IN_LINK", "true"), ("APP_URLS", "https://app.example, myapp://,")], more).unwrap()
    };
    let config = with(&[("EMAIL_SIGN_IN", "existing")]);
    assert!(config.accounts.email_sign_in_link && config.advice.is_empty(), "{:?}", config.advice);
    for url in ["https://app.example/done", "myapp://done"] {
        assert!(config.accounts.app_urls.admit(url).is_ok(), "{url}");
    }
    assert!(with(&[]).advice.iter().any(|told| told.starts_with("EMAIL_SIGN_IN_LINK has no effect")));
    assert!(with(&[("REQUIRE_VERIFIED_EMAIL", "true")]).advice.is_empty());
}

#[test]
fn each_wrong_app_is_told_by_its_place_in_the_list() {
    for (value, words) in [
        ("https://app.example/done", "this one has a path"),
        ("https://a.example,myapp", "entry 2 has no scheme"),
        (
            "javascript://,https://b.example/c",
            "entry 1 has a scheme of browsers or systems, and of no app; entry 2 has a",
        ),
        (",", "must be origins like https://app.example, or schemes like myapp://"),
    ] {
        let refusal = read(&[("APP_URLS", value)]).unwrap_err().to_string();
        assert!(refusal.starts_with("APP_URLS must be") && refusal.contains(words), "{value}: {refusal}");
    }
}
