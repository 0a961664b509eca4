//! The pages that the links of mails lead to: a new password, a confirmed address, a change taken
//! back.
//!
//! A page is the same for everybody, and to open one changes nothing. Programs that look through
//! mails open each link, run its script and press its buttons. The token of a link is therefore in
//! the fragment, which is never sent. Only a person's own entry makes the script send the token.
//!
//! The script calls `/pages/*` by POST, which another function answers.

use std::sync::LazyLock;

use shared::http::{api::Api, page::Page};

const HTML: &str = include_str!("pages/page.html");
const STYLE: &str = include_str!("pages/page.css");
/// The texts of the languages, and the code. A browser chooses by its own list of languages.
const SCRIPT: &str = concat!(
    "const TEXTS = {\nen: ",
    include_str!("pages/texts/en.json"),
    ", de: ",
    include_str!("pages/texts/de.json"),
    ", fr: ",
    include_str!("pages/texts/fr.json"),
    ", es: ",
    include_str!("pages/texts/es.json"),
    ", pt: ",
    include_str!("pages/texts/pt.json"),
    "};\n",
    include_str!("pages/page.js"),
);

/// The pages, made when the first one is asked for.
static RESET: LazyLock<Page> = LazyLock::new(|| page("reset", "Choose a new password"));
static VERIFY: LazyLock<Page> = LazyLock::new(|| page("verify", "Confirm your address"));
static EMAIL: LazyLock<Page> = LazyLock::new(|| page("email", "Confirm your new address"));
static UNDO: LazyLock<Page> = LazyLock::new(|| page("undo", "Take the change back"));
static SIGN_IN: LazyLock<Page> = LazyLock::new(|| page("sign-in", "Log in"));

/// The pages, without any state: none of them sees the table or a key.
pub(super) fn api() -> Api {
    Api::new()
        .page("/pages/reset", async || &*RESET)
        .page("/pages/verify", async || &*VERIFY)
        .page("/pages/email", async || &*EMAIL)
        .page("/pages/undo", async || &*UNDO)
        .page("/pages/sign-in", async || &*SIGN_IN)
}

/// The page of this name. The script puts the title into the person's language.
fn page(name: &str, title: &str) -> Page {
    let parts = [("{page}", name), ("{title}", title), ("{style}", STYLE), ("{script}", SCRIPT)];
    let html = parts.into_iter().fold(HTML.to_owned(), |html, (place, part)| html.replace(place, part));
    Page::new(html, STYLE, SCRIPT)
}
