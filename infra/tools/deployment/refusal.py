"""Refusals of these commands: sentences, and no traceback for a mistake that the caller can
correct."""

import contextlib
import sys

from botocore import exceptions
from botocore.parsers import ResponseParserError

HOW_TO_SIGN_IN = (
    "Give them by AWS_PROFILE, by AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN), or in ~/.aws/credentials; "
    "after an SSO login expired, log in again."
)

# Error codes of AWS's APIs that the caller can do something about, with their meaning.
CODES = {
    "AccessDenied": "These credentials may not do this",
    "AccessDeniedException": "These credentials may not do this",
    "ExpiredToken": "The AWS credentials have expired",
    "ExpiredTokenException": "The AWS credentials have expired",
    "InvalidClientTokenId": "AWS does not know these credentials",
    "UnrecognizedClientException": "AWS does not know these credentials, or this region is not enabled in the account",
    "SignatureDoesNotMatch": "The secret access key is not the one of this access key id",
    "OptInRequired": "The account is not signed up for this service or region",
    "RequestExpired": "The clock of this machine is wrong",
}

# boto3's own errors. The most general ones come last.
CAUSES = (
    (exceptions.ProfileNotFound, "There is no such AWS profile"),
    (exceptions.NoCredentialsError, "There are no AWS credentials"),
    (exceptions.PartialCredentialsError, "The AWS credentials are incomplete"),
    (exceptions.CredentialRetrievalError, "The AWS credentials could not be loaded"),
    (exceptions.SSOError, "The SSO login has expired or was never made"),
    (exceptions.TokenRetrievalError, "The SSO login has expired or was never made"),
    (exceptions.ConfigParseError, "The file of AWS profiles cannot be read"),
    (exceptions.InvalidRegionError, "This is no AWS region"),
    (exceptions.EndpointConnectionError, "AWS cannot be reached; is the region's name right, and this machine on-line"),
    (exceptions.HTTPClientError, "AWS does not answer"),
)


# The errors that boto3 raises. The last one, for an answer that is not from AWS, is no subclass of
# the first two.
ERRORS = (exceptions.BotoCoreError, exceptions.ClientError, ResponseParserError)


class Refusal(Exception):
    """Sentences that say what is wrong and what to do."""


def explain(error: Exception) -> str:
    """One of `ERRORS` as a sentence for the caller."""
    if isinstance(error, ResponseParserError):
        return "The answer is not from AWS, but from a proxy or from the sign-in page of a network."
    if isinstance(error, exceptions.ClientError):
        code = error.response.get("Error", {}).get("Code", "")
        said = error.response.get("Error", {}).get("Message", "")
        return f"{CODES.get(code, f'AWS refused {error.operation_name}')} ({code}: {said})."
    cause = next((sentence for kind, sentence in CAUSES if isinstance(error, kind)), "The call to AWS failed")
    return f"{cause} ({error})."


@contextlib.contextmanager
def told():
    """Ends the program with exit code 1 and the sentences of a refusal inside the block."""
    try:
        yield
    except Refusal as refusal:
        sys.exit(f"{refusal}")
    except ERRORS as error:
        sys.exit(explain(error))
    except KeyboardInterrupt:
        sys.exit("\nInterrupted.")
