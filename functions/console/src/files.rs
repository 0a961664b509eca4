//! The files of the pages, which are in the program.

use std::{
    fmt::Write,
    sync::{LazyLock, OnceLock},
};

use aws_lc_rs::digest;

use crate::kept::Kept;

/// A file as it is served.
pub struct File {
    name: &'static str,
    content: &'static str,
    /// The content type.
    pub media_type: &'static str,
    kept: OnceLock<Kept>,
}

impl File {
    const fn new(name: &'static str, content: &'static str, media_type: &'static str) -> Self {
        Self { name, content, media_type, kept: OnceLock::new() }
    }

    /// The content with its compressed form.
    pub fn kept(&self) -> &Kept {
        self.kept.get_or_init(|| Kept::new(self.content))
    }
}

/// The content type of a page.
pub const HTML: &str = "text/html; charset=utf-8";
/// The content type of a document for programs.
pub const JSON: &str = "application/json; charset=utf-8";

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const MARKDOWN: &str = "text/markdown; charset=utf-8";

macro_rules! asset {
    ($name:literal, $media_type:expr) => {
        File::new($name, include_str!(concat!("../assets/", $name)), $media_type)
    };
}

macro_rules! script {
    ($name:literal) => {
        File::new($name, include_str!(concat!(env!("OUT_DIR"), "/", $name)), SCRIPT)
    };
}

macro_rules! guide {
    ($name:literal) => {
        File::new($name, include_str!(concat!("../../../docs/guides/", $name)), MARKDOWN)
    };
}

const INDEX: &str = include_str!("../assets/index.html");

/// The style, and the scripts that `build.rs` joins from their modules.
static ASSETS: [File; 10] = [
    asset!("console.css", STYLE),
    script!("console.js"),
    script!("try.js"),
    script!("token.js"),
    script!("builders.js"),
    script!("reference.js"),
    script!("users.js"),
    script!("outbox.js"),
    script!("es.js"),
    script!("pt-BR.js"),
];

/// The guides for builders, which are documents of the repository too.
static GUIDES: [File; 14] = [
    guide!("flutterflow.md"),
    guide!("bubble.md"),
    guide!("weweb.md"),
    guide!("adalo.md"),
    guide!("softr.md"),
    guide!("retool.md"),
    guide!("zapier.md"),
    guide!("make.md"),
    guide!("n8n.md"),
    guide!("supabase.md"),
    guide!("oauth.md"),
    guide!("others.md"),
    guide!("tunnel.md"),
    guide!("moving.md"),
];

/// The digest of all assets, which is a part of their path.
pub fn version() -> &'static String {
    static VERSION: LazyLock<String> = LazyLock::new(|| {
        let mut context = digest::Context::new(&digest::SHA256);
        ASSETS.iter().for_each(|file| context.update(file.content.as_bytes()));
        context.finish().as_ref().iter().take(8).fold(String::new(), |mut text, byte| {
            // Writing to a `String` cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
    });
    &VERSION
}

/// The page with the paths of its files, and with the address of the service for a browser without
/// JavaScript.
pub fn page(base: &str) -> String {
    INDEX.replace("{files}", &path("")).replace("{base}", &escaped(base))
}

/// A text as HTML shows it, also within quotation marks.
pub fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;").replace('\'', "&#39;")
}

/// The path of an asset.
pub fn path(name: &str) -> String {
    format!("/console/{}/{name}", version())
}

/// The asset of this name.
pub fn asset(name: &str) -> Option<&'static File> {
    ASSETS.iter().find(|file| file.name == name)
}

/// The guide of this name.
pub fn guide(name: &str) -> Option<&'static File> {
    GUIDES.iter().find(|file| file.name == name)
}
