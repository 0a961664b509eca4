//! Reads a private key as people paste it: PEM text with damaged lines, quotes and escapes.

use super::{
    layers::{self, LAYERS_MAX, Repairs},
    lookalike,
};
use crate::{
    jose::rsa::{RsaKey, rejection},
    text::is_blank,
};

/// The beginning of every block in PEM text.
pub const BEGIN: &str = "-----BEGIN";
const END: &str = "-----END";
/// The number of base64 digits in a line (RFC 7468 section 2).
const LINE_DIGITS: usize = 64;

/// Reads a key.
///
/// # Errors
///
/// A phrase that follows "the private key" and never quotes the key.
pub fn read(text: &str, repairs: &mut Repairs) -> Result<RsaKey, String> {
    RsaKey::from_pem(&canonical(&uncover(text, repairs)?, repairs)?)
}

/// Removes the layers around the PEM text.
fn uncover(text: &str, repairs: &mut Repairs) -> Result<String, &'static str> {
    let mut text = text.to_owned();
    for _ in 0..LAYERS_MAX {
        // A key has no backslash, so all backslashes are removed, however often they were doubled.
        while text.contains('\\') {
            repairs.note("escaped newlines in the private key");
            text = layers::unescaped(&text);
        }
        text = layers::trimmed(&text, repairs).to_owned();
        if let Some(bare) = layers::unquoted(&text) {
            repairs.note("quotes around the private key");
            text = layers::trimmed(bare, repairs).to_owned();
        }
        if text.contains(BEGIN) {
            return Ok(text);
        }
        let Some(decoded) = layers::from_base64(&text) else { break };
        repairs.note("the private key was base64");
        text = decoded?;
    }
    Err(lookalike::text(&text).unwrap_or("is not PEM text"))
}

/// Writes the block of the key as RFC 7468 asks, without other blocks.
fn canonical(text: &str, repairs: &mut Repairs) -> Result<String, &'static str> {
    const CUT: &str = "has no END line: it was cut short on the way";
    let compact: String = text.chars().filter(|character| !is_blank(*character)).collect();
    let mut blocks = compact.split(BEGIN).skip(1).filter_map(|block| block.split_once("-----"));
    let first = blocks.clone().next();
    // A certificate or the parameters of a curve may stand before the key.
    let (label, rest) = blocks.find(|(label, _)| label.contains("PRIVATE")).or(first).ok_or(CUT)?;
    if let Some(refusal) = rejection::by_label(label) {
        return Err(refusal);
    }
    let (digits, _) = rest.split_once(END).ok_or(CUT)?;
    if digits.contains("Proc-Type") {
        return Err(rejection::ENCRYPTED);
    }
    let rejoined = without_lost_breaks(digits);
    let der = layers::decoded(rejoined.as_deref().unwrap_or(digits))
        .ok_or("is damaged: it contains characters that a key cannot contain")?;
    let label = if label.contains("RSA") { "RSA PRIVATE KEY" } else { "PRIVATE KEY" };
    let lines = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
    let canonical = pem::encode_config(&pem::Pem::new(label, der), lines);
    if rejoined.is_some() {
        repairs.note("newlines without their backslash in the private key");
    } else {
        if !compact.starts_with(BEGIN) || !compact.ends_with("-----") || compact.matches(BEGIN).count() > 1 {
            repairs.note("text around the private key");
        }
        note_lines(text, canonical.trim_end(), repairs);
    }
    Ok(canonical)
}

/// Removes the `n` before and after each line, which a shell leaves of an unquoted `\n`. None if
/// the digits have another form. No key begins with `n`: DER begins with 0x30, which is `M` in
/// base64.
fn without_lost_breaks(digits: &str) -> Option<String> {
    let lines = digits.strip_prefix('n')?.as_bytes().chunks(LINE_DIGITS + 1);
    let lines: Option<Vec<&[u8]>> = lines.map(|line| line.strip_suffix(b"n")).collect();
    String::from_utf8(lines?.concat()).ok()
}

/// Notes how the lines of `text` differ from the lines of `canonical`.
fn note_lines(text: &str, canonical: &str, repairs: &mut Repairs) {
    if text.contains("\r\n") {
        repairs.note("Windows line endings in the private key");
    }
    if !text.contains('\n') {
        repairs.note("newlines lost from the private key");
    } else if !text.replace("\r\n", "\n").contains(canonical) {
        repairs.note("uneven lines in the private key");
    }
}
