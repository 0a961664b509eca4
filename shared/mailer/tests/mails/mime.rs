//! Every kind of mail in every language, as an independent parser reads it.

use mail_parser::{HeaderValue, Message, MessageParser};
use mailer::{Parcel, message};
use shared::{
    account::proof::ProofId,
    config::{Config, MailSettings},
    mail::{Kind, Language, outgoing::OutgoingMail},
    time::Timestamp,
};

const NOW: Timestamp = Timestamp::from_seconds(1_779_890_400);
const ID: &str = "0197126e-7f2b-7c3a-9d4e-5f60718293a4";

fn settings() -> MailSettings {
    let variables = [
        ("MAIL_FROM", "Kräuter & Co. <login@kräuter.example>"),
        ("MAIL_REPLY_TO", "help@herbs.example"),
        ("APP_NAME", "Kräuter & Co."),
    ];
    Config::read(|name| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
        .unwrap()
        .mail
}

fn bytes(kind: Kind, language: Language, to: &str, now: Timestamp) -> Vec<u8> {
    let settings = settings();
    let mail = OutgoingMail::new(ID.to_owned(), kind, to, language, NOW)
        .with_proof(ProofId::new([7; 12]), Some("https://login.herbs.example"));
    let key = shared::keys::ProofKeys::parse("a key of proofs with 32 characters or more").unwrap();
    let rendered = mail.render(&settings.app, key.sealing(), true);
    let parcel = Parcel { mail: &mail, rendered, code: String::new(), link: String::new(), now };
    message(&parcel, &settings).unwrap().formatted()
}

/// The words of a page, without its tags.
fn words(html: &str) -> String {
    let body = html.split_once("</head>").unwrap().1;
    let words: Vec<&str> = body.split('<').filter_map(|part| Some(part.split_once('>')?.1)).collect();
    ["&#38;", "&amp;"]
        .iter()
        .fold(words.join(" "), |text, name| text.replace(name, "&"))
        .replace("&#39;", "'")
        .replace("&#34;", "\"")
}

fn header<'a>(mail: &'a Message<'_>, name: &'static str) -> &'a str {
    match mail.header(name) {
        Some(HeaderValue::Text(text)) => text,
        other => panic!("{name}: {other:?}"),
    }
}

fn every() -> impl Iterator<Item = (Kind, Language)> {
    Kind::ALL.into_iter().flat_map(|kind| Language::ALL.into_iter().map(move |language| (kind, language)))
}

#[test]
fn both_parts_of_every_mail_agree_and_no_line_is_too_long() {
    for (kind, language) in every() {
        let bytes = bytes(kind, language, "James@yopmail.com", NOW);
        let text = String::from_utf8(bytes.clone()).unwrap();
        assert!(text.is_ascii() && text.len() < 20_000, "{kind:?} {language:?}");
        // RFC 5322 section 2.1.1 allows 998, and quoted-printable 76 (RFC 2045 section 6.7).
        let longest = text.split("\r\n").map(str::len).max().unwrap();
        assert!(longest <= 78 && !text.replace("\r\n", "").contains(['\r', '\n']), "{kind:?} {language:?}: {longest}");
        let mail = MessageParser::default().parse(&bytes).unwrap();
        assert_eq!((mail.text_body_count(), mail.html_body_count(), mail.attachment_count()), (1, 1, 0));
        let (plain, html) = (mail.body_text(0).unwrap(), mail.body_html(0).unwrap());
        let words = words(&html).split_whitespace().collect::<Vec<_>>().join(" ");
        for line in plain.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("https://")) {
            assert!(words.contains(line), "{kind:?} {language:?}: {line}");
        }
        let links = |text: &str| text.matches("https://login.herbs.example/pages/").count();
        assert_eq!(links(&plain) > 0, links(&html) > 0, "{kind:?} {language:?}");
    }
}

#[test]
fn every_mail_has_the_headers_of_a_mail_that_a_program_wrote() {
    for (kind, language) in every() {
        let bytes = bytes(kind, language, "James@yopmail.com", NOW);
        let mail = MessageParser::default().parse(&bytes).unwrap();
        let from = mail.from().unwrap().first().unwrap();
        assert_eq!((from.name(), from.address()), (Some("Kräuter & Co."), Some("login@xn--kruter-cua.example")));
        assert_eq!(mail.to().unwrap().first().unwrap().address(), Some("James@yopmail.com"));
        assert_eq!(mail.reply_to().unwrap().first().unwrap().address(), Some("help@herbs.example"));
        assert_eq!(mail.message_id(), Some(format!("{ID}@xn--kruter-cua.example").as_str()));
        assert_eq!(mail.date().unwrap().to_timestamp(), NOW.seconds());
        assert_eq!(header(&mail, "Auto-Submitted"), "auto-generated");
        assert_eq!(header(&mail, "X-Auto-Response-Suppress"), "All");
        assert_eq!(header(&mail, "X-Entity-Ref-ID"), ID);
        assert!(mail.list_unsubscribe().is_empty(), "a transactional mail has no list");
        assert!(mail.subject().unwrap().contains("Kräuter & Co."), "{kind:?} {language:?}: {:?}", mail.subject());
    }
}

#[test]
fn a_mail_that_is_sent_twice_differs_in_its_date_alone() {
    let mail = |now| String::from_utf8(bytes(Kind::Reset, Language::German, "a@yopmail.com", now)).unwrap();
    let (first, second) = (mail(NOW), mail(NOW + std::time::Duration::from_secs(60)));
    let different: Vec<_> = first.lines().zip(second.lines()).filter(|(one, other)| one != other).collect();
    assert!(different.len() == 1 && different[0].0.starts_with("Date: "), "{different:?}");
}

#[test]
fn a_domain_beyond_ascii_and_an_old_form_of_an_address_are_written_for_mail_servers() {
    for (typed, written) in [
        ("james@münchen.example", "james@xn--mnchen-3ya.example"),
        ("j..ames.@docomo.example", "j..ames.@docomo.example"),
        ("o'neill+x@my_host.example", "o'neill+x@my_host.example"),
    ] {
        let text = String::from_utf8(bytes(Kind::SignIn, Language::English, typed, NOW)).unwrap();
        assert!(text.contains(&format!("\r\nTo: {written}\r\n")), "{typed}");
    }
}
