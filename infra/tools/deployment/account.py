"""Finds the AWS account, the region and the identity that the caller's environment names."""

import os
from dataclasses import dataclass

import boto3
from botocore import exceptions
from botocore.config import Config

from .refusal import ERRORS, HOW_TO_SIGN_IN, Refusal, explain

# The caller sees nothing while waiting. An answer comes within a second, or the network is down.
QUICK = Config(connect_timeout=4, read_timeout=8, retries={"mode": "standard", "total_max_attempts": 2})

NO_REGION = "No region: set AWS_REGION, for instance to eu-central-1, or name one in the AWS profile."


@dataclass(frozen=True)
class Caller:
    """The caller's identity, and the account and region of the deployment."""

    account: str
    arn: str
    region: str


def region() -> str | None:
    """The region. AWS_REGION comes first, as in every newer SDK, then the settings that boto3 reads
    itself."""
    named = os.environ.get("AWS_REGION")
    try:
        return named or boto3.Session().region_name
    except exceptions.ProfileNotFound as error:
        raise Refusal(f"{explain(error)} {HOW_TO_SIGN_IN}") from error


def must_have_region() -> str:
    """The region.

    Raises `Refusal` if there is none.
    """
    found = region()
    if not found:
        raise Refusal(NO_REGION)
    return found


def must_have_credentials() -> None:
    """Raises `Refusal` if there are no credentials. AWS may still reject them later."""
    try:
        found = boto3.Session().get_credentials()
    except exceptions.BotoCoreError as error:
        raise Refusal(f"{explain(error)} {HOW_TO_SIGN_IN}") from error
    if found is None:
        raise Refusal(f"No AWS credentials. {HOW_TO_SIGN_IN}")


def connect() -> boto3.Session:
    """A session in the caller's region.

    Raises `Refusal` if there is no region, or if there are no credentials.
    """
    found = must_have_region()
    must_have_credentials()
    return boto3.Session(region_name=found)


def client(session: boto3.Session, service: str, config: Config = QUICK):
    """A client of one service, with short timeouts unless others are given.

    Raises `Refusal` if there is no such region.
    """
    try:
        return session.client(service, config=config)
    except (exceptions.BotoCoreError, ValueError) as error:
        raise Refusal(f"{service} has no address in the region {session.region_name} ({error}).") from error


def identify(session: boto3.Session) -> Caller:
    """Asks AWS who the caller is.

    Raises `Refusal` if AWS rejects the credentials or cannot be reached.
    """
    try:
        who = client(session, "sts").get_caller_identity()
    except ERRORS as error:
        raise Refusal(f"{explain(error)} {HOW_TO_SIGN_IN}") from error
    return Caller(who["Account"], who["Arn"], session.region_name)
