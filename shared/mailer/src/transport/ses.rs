//! Amazon SES, by its API.

use aws_sdk_sesv2::{
    Client,
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
    operation::send_email::SendEmailError,
    primitives::Blob,
    types::{Destination, EmailContent, MessageTag, RawMessage},
};
use lettre::Message;
use shared::{account::email::with_ascii_domain, config::MailSettings};

use super::Failure;
use crate::Parcel;

/// Sends a message. SES writes its own `Message-ID`.
pub(super) async fn send(
    client: &Client,
    message: &Message,
    parcel: &Parcel<'_>,
    settings: &MailSettings,
) -> Result<(), Failure> {
    let invalid = |_| Failure::refused("no_message");
    let raw = RawMessage::builder().data(Blob::new(message.formatted())).build().map_err(invalid)?;
    let tag = MessageTag::builder().name("kind").value(parcel.mail.kind.name()).build().map_err(invalid)?;
    let sent = client
        .send_email()
        .set_from_email_address(settings.from.as_ref().map(|from| from.address.clone()))
        .destination(Destination::builder().to_addresses(with_ascii_domain(&parcel.mail.to)).build())
        .content(EmailContent::builder().raw(raw).build())
        .set_configuration_set_name(settings.configuration_set.clone())
        .email_tags(tag)
        .send()
        .await;
    sent.map(drop).map_err(|error| failure(&error))
}

/// Tells a failure that lasts from one that passes. The text of SES may quote the address, so only
/// a word is kept.
fn failure(error: &SdkError<SendEmailError, HttpResponse>) -> Failure {
    let Some(service) = error.as_service_error() else { return Failure::later("SES cannot be reached") };
    let message = service.message().unwrap_or_default();
    match service {
        SendEmailError::MessageRejected(_) if message.contains("not verified") => Failure::refused("not_verified"),
        SendEmailError::MessageRejected(_) => Failure::refused("rejected"),
        SendEmailError::MailFromDomainNotVerifiedException(_) => Failure::refused("not_verified"),
        SendEmailError::AccountSuspendedException(_) => Failure::refused("suspended"),
        SendEmailError::SendingPausedException(_) => Failure::refused("paused"),
        SendEmailError::BadRequestException(_) | SendEmailError::NotFoundException(_) => {
            Failure::refused("bad_request")
        }
        // Throttling and faults of SES pass. A missing permission is mended by the operator.
        other => Failure::later(other.code().unwrap_or("SES fails").to_owned()),
    }
}
