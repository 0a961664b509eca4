"""`make service-account`: looks up the secret of a stack, and hands it to `latchkey keys put-service-account`, which reads the file."""

import argparse
import os

from .account import connect, identify
from .refusal import told
from .stack import ENVIRONMENTS, must_find


def main() -> None:
    parser = argparse.ArgumentParser(prog="service-account", description=__doc__)
    parser.add_argument("--env", required=True, choices=ENVIRONMENTS)
    parser.add_argument("latchkey", help="the program")
    parser.add_argument("file", help="the service account")
    asked, options = parser.parse_known_args()
    with told():
        session = connect()
        caller = identify(session)
        stack = must_find(session, asked.env)
        secret = stack.output("FirebaseServiceAccountSecretId")
        print(f"{stack.name} of account {caller.account}, region {caller.region}", flush=True)
        command = [asked.latchkey, "keys", "put-service-account", asked.file, "--secret-id", secret, *options]
        os.execve(asked.latchkey, command, {**os.environ, **variables(session, stack)})


def variables(session, stack) -> dict[str, str]:
    """The variables that the program reads of the deployment, and the credentials that were found here.

    boto3 knows more kinds of credentials than the program does, such as an SSO login.
    """
    found = session.get_credentials().get_frozen_credentials()
    credentials = {
        "AWS_ACCESS_KEY_ID": found.access_key, "AWS_SECRET_ACCESS_KEY": found.secret_key, "AWS_SESSION_TOKEN": found.token,
    }
    return {
        "AWS_REGION": session.region_name,
        "FIREBASE_PROJECT_ID": stack.parameters.get("FirebaseProjectId", ""),
        **{name: value for name, value in credentials.items() if value},
    }


if __name__ == "__main__":
    main()
