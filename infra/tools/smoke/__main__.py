"""Runs the journey, prints each step and how long it took, and deletes the account. Exit code 1 if a step failed."""

import argparse
import signal
import sys
from urllib.parse import urlsplit

from .exchange import Client, Failure
from .journey import Journey, Skipped


def main() -> int:
    parser = argparse.ArgumentParser(prog="smoke", description=__doc__)
    parser.add_argument("url", help="the stack's output ApiUrl, or any other base URL of the API")
    parser.add_argument("--origin", default="https://smoke.example", help="a web origin that may call")
    asked = parser.parse_args()
    if urlsplit(asked.url).scheme not in ("http", "https") or not urlsplit(asked.url).hostname:
        parser.error(f"URL is https://… of the API, not {asked.url!r}")
    # So that a run that is stopped deletes its account, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    client = Client(asked.url, asked.origin)
    journey = Journey(client)
    print(f"{client.url} as {journey.account.email}")
    failed = []
    try:
        for name, step in journey.steps():
            if not run(client, name, step):
                failed.append(name)
    finally:
        deleted = run(client, "the account is deleted", journey.account.delete) if journey.account.asked else True
        if not deleted:
            failed.append("the account is deleted")
            print(f"Delete {journey.account.email} by latchkey users delete.")
    if failed:
        print(f"FAILED: {', '.join(failed)}.")
        return 1
    print("The API does what it should, and the account is gone.")
    return 0


def run(client: Client, name: str, step) -> bool:
    """One step, with its line."""
    client.times.clear()
    try:
        step()
        verdict, why = "ok", ""
    except Skipped as skipped:
        verdict, why = "skipped", f": {skipped}"
    except Failure as failure:
        verdict, why = "FAILED", f": {failure}"
    took = f"{sum(client.times):7.0f} ms" if client.times else " " * 10
    print(f"  {verdict:8} {took}  {name}{why}", flush=True)
    return verdict != "FAILED"


if __name__ == "__main__":
    sys.exit(main())
