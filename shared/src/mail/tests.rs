use aws_lc_rs::hmac;

use super::*;
use crate::account::proof::ProofId;

const AT: Timestamp = Timestamp::from_seconds(1_779_890_400);
const LINK: &str = "https://login.example/pages/reset#token";

fn code() -> Code {
    ProofId::new([7; 12]).code(&hmac::Key::new(hmac::HMAC_SHA256, &[1; 32]))
}

fn content<'a>(kind: Kind, language: Language, code: Option<&'a Code>, link: Option<&'a str>) -> Content<'a> {
    let life = Duration::from_secs(15 * 60);
    Content {
        kind,
        language,
        app: "Herbs & Co",
        to: "james@yopmail.com",
        code,
        link,
        life,
        at: AT,
        code_in_subject: true,
    }
}

/// The words of a page, without its tags.
fn words(html: &str) -> String {
    let body = html.split_once("</head>").unwrap().1;
    let mut text = String::new();
    let mut is_tag = false;
    for c in body.chars() {
        match c {
            '<' => is_tag = true,
            '>' => is_tag = false,
            c if !is_tag => text.push(c),
            _ => {}
        }
    }
    text.replace("&#38;", "&").replace("&#39;", "'").replace("&#34;", "\"").replace("&#38;", "&")
}

fn every() -> impl Iterator<Item = (Kind, Language)> {
    Kind::ALL.into_iter().flat_map(|kind| Language::ALL.into_iter().map(move |language| (kind, language)))
}

#[test]
fn every_kind_is_whole_in_every_language_and_both_forms_say_the_same() {
    let code = code();
    for (kind, language) in every() {
        let has_code = matches!(kind, Kind::SignIn | Kind::Verify | Kind::Reset | Kind::Change);
        let mail = render(&content(kind, language, has_code.then_some(&code), Some(LINK)));
        let html = words(&mail.html);
        for part in mail.text.split("\n\n").flat_map(|part| part.split('\n')).filter(|part| !part.is_empty()) {
            assert!(part == LINK || html.contains(part), "{kind:?} {language:?}: {part}");
        }
        for text in [&mail.subject, &mail.text, &mail.html] {
            assert!(!text.contains(['{', '}']) || text == &mail.html, "{kind:?} {language:?}: {text}");
        }
        assert!(!mail.html.contains("{{") && !mail.html.contains("{app}") && mail.html.len() < 20_000);
        assert!(mail.text.contains("james@yopmail.com") && mail.text.contains("Herbs & Co"));
        assert_eq!(mail.text.contains(code.as_str()), has_code, "{kind:?} {language:?}");
        assert_eq!(mail.subject.contains(code.as_str()), has_code, "{kind:?} {language:?}");
        let has_link = has_code || matches!(kind, Kind::Invite | Kind::EmailChanged);
        assert_eq!(mail.text.contains(LINK), has_link, "{kind:?} {language:?}");
        assert_eq!(mail.html.contains(LINK), has_link, "{kind:?} {language:?}");
        assert!(mail.html.contains(&format!("lang=\"{}\"", language.tag())));
        assert!(mail.subject.chars().count() <= 78, "{kind:?} {language:?}: {}", mail.subject);
    }
}

#[test]
fn no_kind_has_a_longer_name_than_its_record_is_padded_to() {
    let longest = Kind::ALL.into_iter().map(|kind| kind.name().len()).max();
    assert!(longest <= Some(Kind::NAME_BYTES_MAX), "{longest:?}");
}

#[test]
fn the_languages_say_different_words_and_no_text_is_missing() {
    for kind in Kind::ALL {
        let mut headings: Vec<_> =
            Language::ALL.into_iter().map(|language| Texts::of(language).words(kind).heading).collect();
        headings.sort_unstable();
        headings.dedup();
        assert_eq!(headings.len(), Language::ALL.len(), "{kind:?}");
    }
    for (kind, language) in every() {
        let (texts, english) = (Texts::of(language).words(kind), Texts::of(Language::English).words(kind));
        assert!(![texts.heading, texts.lead, texts.not_you].contains(&""), "{kind:?} {language:?}");
        assert_eq!(texts.link.is_empty(), english.link.is_empty(), "{kind:?} {language:?}");
    }
}

#[test]
fn a_code_can_be_selected_as_one_run_of_digits_and_can_stay_out_of_the_subject() {
    let code = code();
    let shown = content(Kind::Reset, Language::English, Some(&code), None);
    let mail = render(&shown);
    assert!(mail.html.contains(&format!(">{}</p>", code.as_str())));
    assert!(mail.text.contains(&format!("\n\n{}\n\n", code.as_str())));
    let hidden = render(&Content { code_in_subject: false, ..shown });
    assert_eq!((hidden.subject.as_str(), &hidden.text), ("Your code for Herbs & Co", &mail.text));
}

#[test]
fn an_app_and_an_address_cannot_add_markup_lines_or_placeholders() {
    let hostile = Content {
        app: "<b>{code}</b>\r\nBcc: x@y.de",
        to: "\"<script>\"@b.de",
        ..content(Kind::PasswordChanged, Language::English, None, None)
    };
    let mail = render(&hostile);
    assert!(!mail.html.contains("<b>") && !mail.html.contains("<script>"), "{}", mail.html);
    assert!(!mail.subject.contains(['\r', '\n']), "{:?}", mail.subject);
    assert!(mail.text.contains("<b>code</b>"));
}

#[test]
fn a_life_is_told_in_its_largest_whole_unit() {
    for (minutes, told) in [
        (10, "10 minutes"),
        (60, "60 minutes"),
        (90, "90 minutes"),
        (24 * 60, "24 hours"),
        (72 * 60, "3 days"),
        (7 * 24 * 60, "7 days"),
    ] {
        assert_eq!(life(Texts::of(Language::English), Duration::from_secs(minutes * 60)), told);
    }
}

#[test]
fn a_tag_of_a_language_that_is_missing_is_english() {
    for (tag, language) in [
        ("de", Language::German),
        ("pt-BR", Language::Portuguese),
        ("FR_ca", Language::French),
        (" es ", Language::Spanish),
        ("ja", Language::English),
        ("", Language::English),
        ("deutsch", Language::English),
    ] {
        assert_eq!(Language::of_tag(tag), language, "{tag}");
    }
}

#[test]
fn a_page_of_a_mail_loads_nothing_and_runs_nothing() {
    let code = code();
    for (kind, language) in every() {
        let html = render(&content(kind, language, Some(&code), Some(LINK))).html;
        for part in ["<script", "<img", "<link", "url(", "@import", "<iframe", "onload", "src="] {
            assert!(!html.contains(part), "{part}");
        }
    }
}
