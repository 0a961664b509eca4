"""`make service-account FILE=…`: puts a Firebase service account into its secret, from its file.

The file is looked at first, and nothing of its key is ever printed, put on a command line or kept elsewhere.
"""

import argparse
import json
import stat
import sys
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from .account import client, connect, identify
from .refusal import Refusal, told
from .stack import ENVIRONMENTS, Stack, must_find

BYTES_MAX = 64 * 1024
KEY_BITS_MIN = 2048
WHERE = "It is the file of Firebase's console: Project settings, Service accounts, Generate new private key."


@dataclass(frozen=True)
class ServiceAccount:
    """What may be said of a service account, and, unseen, its text."""

    project: str
    email: str
    key_id: str
    text: str

    def __repr__(self) -> str:
        return f"ServiceAccount({self.email}, {self.key_id})"


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="service-account", description=__doc__)
    parser.add_argument("--env", required=True, choices=ENVIRONMENTS)
    parser.add_argument("--file", required=True, type=Path)
    parser.add_argument("--other-project", action="store_true", help="replace the account of another project")
    asked = parser.parse_args(arguments)
    with told():
        found = read(asked.file)
        print(f"project {found.project}, {found.email}, key {found.key_id}")
        warn_of_readers(asked.file)
        session = connect()
        caller = identify(session)
        stack = must_find(session, asked.env)
        secrets, secret = client(session, "secretsmanager"), stack.output("FirebaseServiceAccountSecretId")
        refuse_another_project(found, stack, present(secrets, secret), asked.other_project)
        secrets.put_secret_value(SecretId=secret, SecretString=found.text)
        print(f"It is in the secret {secret} of account {caller.account}, region {caller.region}.")
        print("Functions that run take it within KEYS_TTL_SECONDS (five minutes), new ones at once.")
        print("Delete the file, or keep it safe.")


def read(file: Path) -> ServiceAccount:
    """The service account of a file.

    Raises `Refusal` with what is wrong, and without a word of what the file says.
    """
    try:
        with file.open("rb") as opened:
            raw = opened.read(BYTES_MAX + 1)
    except OSError as error:
        raise Refusal(f"FILE={file} cannot be read ({error.strerror}).") from error
    if len(raw) > BYTES_MAX:
        raise Refusal(f"{file} is no service account: it is larger than {BYTES_MAX // 1024} KiB. {WHERE}")
    # Not chained: the causes of these errors quote what they could not read.
    try:
        text = raw.decode("utf-8-sig")
        fields = json.loads(text)
    except ValueError:
        raise Refusal(f"{file} is no JSON. {WHERE}") from None
    return check(file, text, fields)


def check(file: Path, text: str, fields: object) -> ServiceAccount:
    if not isinstance(fields, dict):
        raise Refusal(f"{file} is no service account: no JSON object. {WHERE}")
    if "client" in fields or "project_info" in fields:
        raise Refusal(f"{file} is a google-services.json, which is for an app and has no private key. {WHERE}")
    if "apiKey" in fields or "authDomain" in fields:
        raise Refusal(f"{file} is a web app's configuration and has no private key. {WHERE}")
    if fields.get("type") != "service_account":
        raise Refusal(f"{file} is no service account: its type is not service_account. {WHERE}")
    for name in ("project_id", "client_email", "private_key_id", "private_key"):
        if not isinstance(fields.get(name), str) or not fields[name].strip():
            raise Refusal(f"{file} is incomplete: it has no {name}. {WHERE}")
    check_key(file, fields["private_key"])
    return ServiceAccount(fields["project_id"], fields["client_email"], fields["private_key_id"], text)


def check_key(file: Path, pem: str) -> None:
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError, UnicodeError):
        raise Refusal(
            f"The private key in {file} cannot be read: it is damaged or encrypted. Have the console make another."
        ) from None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise Refusal(f"The private key in {file} is no RSA key; Firebase takes only those.")
    if key.key_size < KEY_BITS_MIN:
        raise Refusal(f"The private key in {file} has {key.key_size} bits; it must have {KEY_BITS_MIN}.")


def warn_of_readers(file: Path) -> None:
    if file.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
        print(f"Warning: others on this machine may read {file}: chmod 600 it, or delete it afterwards.", file=sys.stderr)


def present(secrets, secret: str) -> str:
    """The project of the service account that is in the secret; empty where none is or it cannot be told."""
    try:
        value = secrets.get_secret_value(SecretId=secret)["SecretString"]
    except secrets.exceptions.ResourceNotFoundException:
        # A secret that was made without a value answers like one that is not there.
        return ""
    try:
        return str(json.loads(value).get("project_id", ""))
    except (ValueError, AttributeError):
        return ""


def refuse_another_project(found: ServiceAccount, stack: Stack, before: str, wanted: bool) -> None:
    """Raises `Refusal` where the stack takes another project's ID tokens, or the secret has another project's account."""
    project = stack.parameters.get("FirebaseProjectId", "")
    if project and project != found.project:
        raise Refusal(
            f"{stack.name} is deployed for the project {project}, this is a service account of {found.project}; every login would "
            f"be a 503. Deploy with FirebaseProjectId={found.project} first, or take a key of {project}."
        )
    if before and before != found.project and not wanted:
        raise Refusal(
            f"The secret has a service account of the project {before}, this is one of {found.project}; every app of {before} would "
            "be locked out. If that is what you want: OTHER_PROJECT=yes."
        )


if __name__ == "__main__":
    main(sys.argv[1:])
