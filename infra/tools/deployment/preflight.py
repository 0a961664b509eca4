"""Checks everything that a deployment needs before anything is built, and reports all that is
missing at once."""

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from botocore import exceptions

from . import account, sam, stack
from .concurrency import shortage
from .parameters import configured, effective, given, read_template
from .refusal import ERRORS, Refusal, explain

TOOL_SECONDS_MAX = 300
ARCHITECTURES = ("arm64", "x86_64")
# The parameters that choose the table.
TABLE = ("TableName", "ExistingTable")


@dataclass
class Findings:
    """The results of the checks: what is there, what is missing, and the values for the
    deployment."""

    fine: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    session: object = None
    caller: account.Caller | None = None
    deployed: stack.Stack | None = None
    parameters: dict[str, str] = field(default_factory=dict)
    overrides: dict[str, str] = field(default_factory=dict)

    def look(self, check, *arguments) -> None:
        """Runs one check, which returns a line for what is there, or refuses."""
        try:
            self.fine.append(check(*arguments))
        except Refusal as refusal:
            self.missing.append(str(refusal))
        except ERRORS as error:
            self.missing.append(explain(error))


def examine(root: Path, environment: str, words: str) -> Findings:
    """Runs all checks. `words` are overrides of parameters as `Name=value`, and `root` is the
    repository."""
    found = Findings()
    found.look(python)
    found.look(cargo)
    found.look(zig, root)
    found.look(valid, root)
    before = len(found.missing)
    found.look(region)
    found.look(credentials)
    if len(found.missing) == before:
        found.look(caller, found)
    if found.caller:
        found.look(deployable, found, environment)
    found.look(chosen, found, root, environment, words)
    if found.caller and found.parameters:
        found.look(concurrency, found)
    return found


def python() -> str:
    if sys.version_info < (3, 11):
        raise Refusal("Python 3.11 or later is missing: install it, or name it with PYTHON=.")
    return f"Python {sys.version_info.major}.{sys.version_info.minor}"


def cargo() -> str:
    return tool(["cargo", "--version"], "Rust is missing: install it with rustup (https://rustup.rs).")


def zig(root: Path) -> str:
    """Installs Zig, if it is missing. Without Zig there is no build. The installation is only a
    download."""
    tool(["make", "--no-print-directory", "-C", str(root), ".tools/venv/.zig"], "Zig could not be installed from PyPI.")
    return "Zig " + tool([str(root / ".tools/venv/bin/python-zig"), "version"], "Zig does not run on this machine.")


def valid(root: Path) -> str:
    # --lint needs no account, but SAM needs a region.
    command = [sam.program(root), "validate", "--lint", "--template", str(root / "template.yaml")]
    tool(command, "template.yaml is not valid.", env=sam.environment(account_region()))
    return "template.yaml is valid"


def account_region() -> str:
    try:
        return account.region() or "us-east-1"
    except Refusal:
        return "us-east-1"


def another_table(deployed: dict[str, str], wanted: dict[str, str]) -> None:
    """Raises `Refusal` if the functions of a running stack would move to another table, unless
    ANOTHER_TABLE allows it."""
    changed = [name for name in TABLE if name in deployed and deployed[name] != wanted.get(name, "")]
    if changed and os.environ.get("ANOTHER_TABLE") != "yes":
        values = " and ".join(f"{name}={wanted.get(name, '')} (now {deployed[name] or 'empty'})" for name in changed)
        raise Refusal(
            f"With {values} the functions would use another table. It has no account of the present table, unless you copied them. "
            "To go on, set ANOTHER_TABLE=yes."
        )


def tool(command: list[str], otherwise: str, **options) -> str:
    """The first line that a program prints.

    Raises `Refusal` with a sentence and the end of the program's output if it fails.
    """
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TOOL_SECONDS_MAX, **options
        )
    except FileNotFoundError as error:
        raise Refusal(otherwise) from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Refusal(f"{otherwise} ({error})") from error
    if done.returncode != 0:
        words = "\n".join((done.stdout + done.stderr).strip().splitlines()[-8:])
        raise Refusal(f"{otherwise}\n{words}" if words else otherwise)
    return done.stdout.strip().partition("\n")[0]


def region() -> str:
    return f"region {account.must_have_region()}"


def credentials() -> str:
    account.must_have_credentials()
    return "AWS credentials"


def caller(found: Findings) -> str:
    session = account.connect()
    found.caller = account.identify(session)
    found.session = session
    return f"AWS account {found.caller.account}, region {found.caller.region}, as {found.caller.arn}"


def deployable(found: Findings, environment: str) -> str:
    found.deployed = stack.find(found.session, environment)
    name = stack.name_of(environment)
    status = found.deployed.status if found.deployed else ""
    if status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS":
        raise Refusal(f"The stack {name} is being changed already ({status}): wait until that is over.")
    if status in ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED"):
        way = "make destroy-dev" if environment == "dev" else "the CloudFormation console"
        raise Refusal(
            f"The stack {name} is left from a failed attempt ({status}), and can only be deleted, by {way}. Its events in the "
            "console say what failed."
        )
    if status == "UPDATE_ROLLBACK_FAILED":
        raise Refusal(
            f"The stack {name} is stuck in a rollback ({status}): repair what its events in the console name, then run "
            f"aws cloudformation continue-update-rollback --stack-name {name}."
        )
    return f"stack {name}: {status or 'not there yet'}"


def chosen(found: Findings, root: Path, environment: str, words: str) -> str:
    template = read_template((root / "template.yaml").read_text())
    found.overrides = configured(root / "samconfig.toml", environment) | given(words)
    deployed = found.deployed.parameters if found.deployed else {}
    parameters = effective(template, found.overrides, deployed)
    another_table(deployed, parameters)
    if parameters.get("Architecture") not in ARCHITECTURES:
        raise Refusal(f"Architecture is arm64 or x86_64, not {parameters.get('Architecture')}.")
    if parameters.get("TokenProfile") == "firebase" and not parameters.get("FirebaseProjectId"):
        raise Refusal(
            "TokenProfile is firebase, but FirebaseProjectId is not set: give PARAMETERS=FirebaseProjectId=your-project, or set it in "
            "samconfig.toml. Or choose TokenProfile=access, which needs no Firebase."
        )
    found.parameters = parameters
    return f"TokenProfile {parameters.get('TokenProfile')}, functions for {parameters['Architecture']}"


def concurrency(found: Findings) -> str:
    try:
        short = shortage(found.session, found.deployed, found.parameters)
    except exceptions.ClientError as error:
        # A caller who may deploy may not always read this. Then the deployment itself reports it.
        return f"concurrency not checked: {explain(error)}"
    if short:
        raise Refusal(short)
    return "the account's concurrency is enough"
