//! A mail as MIME (RFC 5322, RFC 2045), with its headers.

use std::time::{Duration, UNIX_EPOCH};

use lettre::{
    Address, Message,
    address::Envelope,
    message::{
        Mailbox, MultiPart, SinglePart,
        header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue},
    },
};
use shared::{account::email::with_ascii_domain, config::MailSettings, mail::mailbox};

use crate::Parcel;

/// The mailbox that mails of the outbox come from, if none is configured. Nobody gets them, and
/// nobody can have such an address (RFC 2606).
const NOBODY: &str = "no-reply@latchkey.invalid";

/// The mail as it is sent. Two calls differ in the header `Date` alone.
///
/// # Errors
///
/// A word for the log: an address is none for a mail server, or the message cannot be made.
pub fn message(parcel: &Parcel<'_>, settings: &MailSettings) -> Result<Message, &'static str> {
    let Parcel { mail, rendered, now, .. } = parcel;
    let nobody = mailbox::Mailbox { name: settings.app.clone(), address: NOBODY.to_owned() };
    let from = settings.from.as_ref().unwrap_or(&nobody);
    let to = address(&with_ascii_domain(&mail.to))?;
    // Read from the headers, the envelope would lack addresses that the standard does not allow.
    let envelope = Envelope::new(Some(address(&from.address)?), vec![to.clone()]).map_err(|_| "no_address")?;
    let milliseconds = u64::try_from(now.milliseconds()).unwrap_or_default();
    let mut builder = Message::builder()
        .from(mailbox(from)?)
        .to(Mailbox::new(None, to))
        .envelope(envelope)
        .date(UNIX_EPOCH + Duration::from_millis(milliseconds))
        .message_id(Some(format!("<{}@{}>", mail.id, from.domain())))
        .subject(&rendered.subject)
        // Programs that answer mails leave these alone (RFC 3834), and Exchange asks by its own
        // header.
        .raw_header(header("Auto-Submitted", "auto-generated"))
        .raw_header(header("X-Auto-Response-Suppress", "All"))
        // Gmail puts mails with the same subject into one thread, where an old code is on top.
        .raw_header(header("X-Entity-Ref-ID", &mail.id));
    if let Some(reply_to) = &settings.reply_to {
        builder = builder.reply_to(mailbox(reply_to)?);
    }
    let parts = MultiPart::alternative()
        .boundary(boundary(&mail.id))
        .singlepart(part(ContentType::TEXT_PLAIN, &rendered.text))
        .singlepart(part(ContentType::TEXT_HTML, &rendered.html));
    builder.multipart(parts).map_err(|_| "no_message")
}

fn part(content_type: ContentType, text: &str) -> SinglePart {
    SinglePart::builder()
        .header(content_type)
        .header(ContentTransferEncoding::QuotedPrintable)
        .body(text.replace('\n', "\r\n"))
}

/// A text that separates the parts. A line of quoted-printable never begins with `=_`.
fn boundary(id: &str) -> String {
    format!("=_{id}")
}

fn header(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

fn mailbox(mailbox: &mailbox::Mailbox) -> Result<Mailbox, &'static str> {
    let name = Some(mailbox.name.clone()).filter(|name| !name.is_empty());
    Ok(Mailbox::new(name, address(&mailbox.address)?))
}

/// An address of an account. Some have forms that the standard does not allow, and they receive
/// mail; none has a character that could end a header or a command.
fn address(text: &str) -> Result<Address, &'static str> {
    let (local, domain) = text.rsplit_once('@').ok_or("no_address")?;
    let is_safe = |text: &str| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && !b"()<>[]:;@\\,\"".contains(&byte))
    };
    if is_safe(local) && is_safe(domain) { Ok(Address::new_dangerous(local, domain)) } else { Err("no_address") }
}
