"""The AWS account and region that the caller's environment names, and who the caller is there."""

import os
from dataclasses import dataclass

import boto3
from botocore import exceptions
from botocore.config import Config

from .refusal import ERRORS, HOW_TO_SIGN_IN, Refusal, explain

# Whoever waits sees nothing meanwhile: an answer is there in a second, or the network is not.
QUICK = Config(connect_timeout=4, read_timeout=8, retries={"mode": "standard", "total_max_attempts": 2})

NO_REGION = "No region: set AWS_REGION, for instance to eu-central-1, or name one in the AWS profile."


@dataclass(frozen=True)
class Caller:
    """Who asks, and where everything will go."""

    account: str
    arn: str
    region: str


def region() -> str | None:
    """The region: AWS_REGION, as every newer SDK reads it, before what boto3 reads by itself."""
    named = os.environ.get("AWS_REGION")
    try:
        return named or boto3.Session().region_name
    except exceptions.ProfileNotFound as error:
        raise Refusal(f"{explain(error)} {HOW_TO_SIGN_IN}") from error


def must_have_region() -> str:
    """The region.

    Raises `Refusal` where there is none.
    """
    found = region()
    if not found:
        raise Refusal(NO_REGION)
    return found


def must_have_credentials() -> None:
    """Raises `Refusal` where there are no credentials; whether AWS takes them is another question."""
    try:
        found = boto3.Session().get_credentials()
    except exceptions.BotoCoreError as error:
        raise Refusal(f"{explain(error)} {HOW_TO_SIGN_IN}") from error
    if found is None:
        raise Refusal(f"No AWS credentials. {HOW_TO_SIGN_IN}")


def connect() -> boto3.Session:
    """A session in the caller's region.

    Raises `Refusal` where there is no region or there are no credentials.
    """
    found = must_have_region()
    must_have_credentials()
    return boto3.Session(region_name=found)


def client(session: boto3.Session, service: str):
    """A client of one service, with short timeouts.

    Raises `Refusal` where the region cannot be one.
    """
    try:
        return session.client(service, config=QUICK)
    except (exceptions.BotoCoreError, ValueError) as error:
        raise Refusal(f"{service} has no address in the region {session.region_name} ({error}).") from error


def identify(session: boto3.Session) -> Caller:
    """Asks AWS who the caller is.

    Raises `Refusal` where AWS does not take the credentials or cannot be asked.
    """
    try:
        who = client(session, "sts").get_caller_identity()
    except ERRORS as error:
        raise Refusal(f"{explain(error)} {HOW_TO_SIGN_IN}") from error
    return Caller(who["Account"], who["Arn"], session.region_name)
