"""`cargo deny check`, with the advisories wherever their database can be had.

The database is a repository of its own, which a build without the open internet cannot fetch. There an earlier copy is used, or
the other checks run alone, and a line says so: being offline is no reason to refuse a change, and none to call it safe either.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

FETCH_SECONDS_MAX = 90


def main(cargo_deny: str) -> int:
    why = fetch_advisories([cargo_deny, "--locked", "fetch", "db"])
    if why is None:
        return check(cargo_deny, "check")
    status = check(cargo_deny, "check", "bans", "licenses", "sources")
    copied = date_of_copy()
    if copied is not None:
        print(f"deny: the advisory database could not be fetched ({why}); its copy of {copied} is used.", flush=True)
        return check(cargo_deny, "--offline", "check", "advisories") or status
    print(f"deny: ADVISORIES NOT CHECKED, their database could not be fetched: {why}", flush=True)
    return status


def check(cargo_deny: str, *arguments: str) -> int:
    return subprocess.run([cargo_deny, "--locked", *arguments], stdin=subprocess.DEVNULL).returncode


def fetch_advisories(command: list[str]) -> str | None:
    """Why the database could not be fetched; None if it was."""
    # A session of its own, so that the git below cargo-deny ends with it when the time is up.
    fetch = subprocess.Popen(
        command,
        env={**os.environ, "GIT_TERMINAL_PROMPT": "0"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
    )
    try:
        _, errors = fetch.communicate(timeout=FETCH_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        os.killpg(fetch.pid, signal.SIGTERM)
        fetch.communicate()
        return f"no answer within {FETCH_SECONDS_MAX} s"
    if fetch.returncode == 0:
        return None
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    fatal = [line for line in lines if line.startswith("fatal: ")]
    return (fatal or lines or [f"cargo-deny ended with {fetch.returncode}"])[0]


def date_of_copy() -> str | None:
    """The day of the last advisory in the database that an earlier run left on this machine; None if there is none."""
    home = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")
    for copy in home.glob("advisory-dbs/advisory-db-*"):
        # Not the time of a file: git touches them even when a fetch fails.
        log = subprocess.run(["git", "-C", copy, "log", "-1", "--format=%cs"], capture_output=True, text=True)
        if log.returncode == 0:
            return log.stdout.strip()
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
