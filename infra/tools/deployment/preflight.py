"""Everything that a deployment needs, looked at in one go before anything is built: what is missing is said together."""

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
# The parameters that decide which table it is.
TABLE = ("TableName", "ExistingTable")


@dataclass
class Findings:
    """What was looked at: what is there, what is missing, and what the deployment goes on with."""

    fine: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    session: object = None
    caller: account.Caller | None = None
    deployed: stack.Stack | None = None
    parameters: dict[str, str] = field(default_factory=dict)
    overrides: dict[str, str] = field(default_factory=dict)

    def look(self, check, *arguments) -> None:
        """Runs one check: it answers with a line for what is there, or refuses."""
        try:
            self.fine.append(check(*arguments))
        except Refusal as refusal:
            self.missing.append(str(refusal))
        except ERRORS as error:
            self.missing.append(explain(error))


def examine(root: Path, environment: str, words: str) -> Findings:
    """Looks at all of it. `words` are overrides of parameters, as `Name=value`; `root` is the repository."""
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
    """Installs Zig if it never was: that is a download and no build, and without it there is no build."""
    tool(["make", "--no-print-directory", "-C", str(root), ".tools/venv/.zig"], "Zig could not be installed from PyPI.")
    return "Zig " + tool([str(root / ".tools/venv/bin/python-zig"), "version"], "Zig does not run on this machine.")


def valid(root: Path) -> str:
    # --lint asks no account, but SAM wants to know a region.
    command = [sam.program(root), "validate", "--lint", "--template", str(root / "template.yaml")]
    tool(command, "template.yaml is not valid.", env=sam.environment(account_region()))
    return "template.yaml is valid"


def account_region() -> str:
    try:
        return account.region() or "us-east-1"
    except Refusal:
        return "us-east-1"


def another_table(deployed: dict[str, str], wanted: dict[str, str]) -> None:
    """Raises `Refusal` where a running stack's functions would move to another table, unless somebody said that they shall."""
    changed = [name for name in TABLE if name in deployed and deployed[name] != wanted.get(name, "")]
    if changed and os.environ.get("ANOTHER_TABLE") != "yes":
        values = " and ".join(f"{name}={wanted.get(name, '')} (now {deployed[name] or 'empty'})" for name in changed)
        raise Refusal(
            f"With {values} the functions would use another table, which has none of the accounts of the present one unless you put them "
            "there. If that is what you want: ANOTHER_TABLE=yes."
        )


def tool(command: list[str], otherwise: str, **options) -> str:
    """The first line that a program prints.

    Raises `Refusal` with a sentence, and with the program's last words, where it fails.
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
            f"The stack {name} is what a failed attempt left ({status}), and can only be deleted, by {way}; its events in the "
            "console say what failed."
        )
    if status == "UPDATE_ROLLBACK_FAILED":
        raise Refusal(
            f"The stack {name} is stuck on its way back ({status}): mend what its events in the console name, then aws cloudformation "
            f"continue-update-rollback --stack-name {name}."
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
            "TokenProfile is firebase, and FirebaseProjectId is not said: PARAMETERS=FirebaseProjectId=your-project, or in "
            "samconfig.toml; or TokenProfile=access, which does without Firebase."
        )
    found.parameters = parameters
    return f"TokenProfile {parameters.get('TokenProfile')}, functions for {parameters['Architecture']}"


def concurrency(found: Findings) -> str:
    try:
        short = shortage(found.session, found.deployed, found.parameters)
    except exceptions.ClientError as error:
        # Whoever may deploy may not always read this; then the deployment itself tells.
        return f"concurrency not looked at: {explain(error)}"
    if short:
        raise Refusal(short)
    return "the account's concurrency is enough"
