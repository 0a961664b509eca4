//! The errors of AWS as sentences that say what to do.

use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::{display::DisplayErrorContext, metadata::ProvideErrorMetadata};

/// The ways to give credentials.
pub const HOW_TO_SIGN_IN: &str = "Give them by AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN), by \
     AWS_PROFILE, or in ~/.aws/credentials. AWS CloudShell has them already. After an SSO login, run \
     eval \"$(aws configure export-credentials --format env)\".";

/// The codes of AWS's APIs that the caller can do something about, with their meaning.
const CODES: [(&str, &str); 12] = [
    ("AccessDenied", "These credentials may not do this"),
    ("AccessDeniedException", "These credentials may not do this"),
    ("ExpiredToken", "The AWS credentials have expired"),
    ("ExpiredTokenException", "The AWS credentials have expired"),
    ("InsufficientCapabilitiesException", "CloudFormation asks for another confirmation than this program gives"),
    ("InvalidAccessKeyId", "AWS does not know these credentials"),
    ("InvalidClientTokenId", "AWS does not know these credentials"),
    ("OptInRequired", "The account is not signed up for this service or region"),
    ("RequestExpired", "The clock of this machine is wrong"),
    ("RequestTimeTooSkewed", "The clock of this machine is wrong"),
    ("SignatureDoesNotMatch", "The secret access key is not the one of this access key id"),
    (
        "UnrecognizedClientException",
        "AWS does not know these credentials, or this region is not enabled in the account",
    ),
];

/// A failed call to AWS as a sentence.
pub fn explain<E, R>(error: &SdkError<E, R>) -> String
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
{
    match error {
        SdkError::ServiceError(failed) => {
            let metadata = failed.err().meta();
            let code = metadata.code().unwrap_or("no code");
            let known = CODES.iter().find(|(known, _)| *known == code);
            let meaning = known.map_or("AWS refused the call", |(_, meaning)| meaning);
            format!("{meaning} ({code}: {}).", metadata.message().unwrap_or("no reason is given").trim_end_matches('.'))
        }
        SdkError::ResponseError(_) => {
            "The answer is not from AWS, but from a proxy or from the sign-in page of a network.".to_owned()
        }
        SdkError::TimeoutError(_) => "AWS does not answer in time. Run the same command again.".to_owned(),
        SdkError::DispatchFailure(failed) if failed.is_other() => {
            format!("The AWS credentials could not be used ({}). {HOW_TO_SIGN_IN}", DisplayErrorContext(error))
        }
        SdkError::DispatchFailure(_) => format!(
            "AWS cannot be reached; is the region's name right, and this machine on-line? ({})",
            DisplayErrorContext(error)
        ),
        _ => format!("The call to AWS failed ({}).", DisplayErrorContext(error)),
    }
}

/// The text of a refusal of AWS, or nothing for another failure.
pub fn message<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> &str {
    error.as_service_error().and_then(ProvideErrorMetadata::message).unwrap_or_default()
}
