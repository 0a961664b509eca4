"""`make deploy`: checks everything first, builds, deploys with SAM, and prints the outputs and the
next steps."""

import argparse
import shlex
import subprocess
import sys
from pathlib import Path

from . import sam, stack
from .account import client
from .preflight import Findings, examine
from .refusal import Refusal, told

# make starts this program in the repository.
ROOT = Path.cwd()


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="deploy", description=__doc__)
    parser.add_argument("--env", required=True, choices=stack.ENVIRONMENTS)
    parser.add_argument("--parameters", default="", help="overrides of template parameters: Name=value words")
    parser.add_argument("--confirm", default="", help="the name of the stack, instead of a question")
    parser.add_argument("--only-look", action="store_true", help="end before anything is built")
    asked = parser.parse_args(arguments)
    with told():
        found = examine(ROOT, asked.env, asked.parameters)
        report(found)
        if asked.only_look:
            return
        if asked.env == "prod":
            confirm(stack.name_of("prod"), asked.confirm)
        build(found.parameters["Architecture"])
        deploy(found, asked)
        done = stack.must_find(found.session, asked.env)
        must_be_complete(done)
        print_outputs(done)
        print_next(found, done, asked.env)


def report(found: Findings) -> None:
    """Prints what was found.

    Raises `Refusal` with everything that is missing.
    """
    for line in found.fine:
        print(f"  ok       {line}")
    for line in found.missing:
        print(f"  MISSING  {line}", file=sys.stderr)
    sys.stdout.flush()
    if found.missing:
        count = len(found.missing)
        raise Refusal(f"Nothing was built or deployed: {count} thing{'s are' if count > 1 else ' is'} missing, see above.")


def confirm(name: str, said: str) -> None:
    """Asks the caller to type the name of the stack, unless it is given.

    Raises `Refusal` for any other text.
    """
    if not said and sys.stdin.isatty():
        said = input(f"Type {name} to go on: ").strip()
    if said != name:
        raise Refusal(f"Not confirmed: type {name} when asked, or give CONFIRM={name}.")


def build(architecture: str) -> None:
    if subprocess.run(["make", "--no-print-directory", "-C", str(ROOT), "build", f"ARCH={architecture}"]).returncode != 0:
        raise Refusal("The build failed, see above. Nothing was deployed.")


def deploy(found: Findings, asked: argparse.Namespace) -> None:
    name, region = stack.name_of(asked.env), found.caller.region
    # Names the region, because SAM does not read AWS_REGION. Names the template, because SAM would
    # use the result of an earlier `sam build`.
    command = [sam.program(ROOT), "deploy", "--template-file", "template.yaml", "--config-env", asked.env]
    command += ["--stack-name", name, "--region", region]
    if asked.parameters:
        # Overrides on the command line replace those of samconfig.toml, so all are given here.
        command += ["--parameter-overrides", *(f"{key}={shlex.quote(value)}" for key, value in found.overrides.items())]
    if asked.confirm:
        command.append("--no-confirm-changeset")
    if subprocess.run(command, cwd=ROOT, env=sam.environment(region)).returncode != 0:
        raise Refusal(f"{name} was not deployed; the first failed event above says why. Everything works as before.")


def must_be_complete(done: stack.Stack) -> None:
    """Raises `Refusal` if the stack was never deployed. SAM does not report that its change set was
    declined."""
    if done.status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"):
        raise Refusal(f"{done.name} was not deployed ({done.status}).")


def print_outputs(done: stack.Stack) -> None:
    width = max((len(key) for key in done.outputs), default=0)
    print(f"\n{done.name} is deployed, with the changes that you accepted. Values to paste:\n")
    for key, (value, _) in sorted(done.outputs.items()):
        print(f"  {key:{width}}  {value}")


def print_next(found: Findings, done: stack.Stack, environment: str) -> None:
    print("\nNext:")
    if done.parameters.get("TokenProfile") == "firebase" and is_empty(found, done.output("FirebaseServiceAccountSecretId")):
        print(f"  make service-account FILE=… ENV={environment}    # until then every login answers 503, because it signs jwt_token")
    print(f"  make smoke URL={done.output('ApiUrl')}")
    print(f"  make logs ENV={environment}")


def is_empty(found: Findings, secret: str) -> bool:
    """Whether a secret has no value. Does not read the value."""
    described = client(found.session, "secretsmanager").describe_secret(SecretId=secret)
    return not described.get("VersionIdsToStages")


if __name__ == "__main__":
    main(sys.argv[1:])
