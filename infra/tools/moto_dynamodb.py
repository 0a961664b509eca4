"""Runs a command beside moto's DynamoDB, and ends with the command's exit code.

The tests of the store then run over a second DynamoDB, from another maker than the embedded one.
The variable LATCHKEY_TEST_DYNAMODB tells them its host and port. A run that never calls moto
fails.

The differences that were seen between moto 5 and the embedded DynamoDB:
- moto cannot inject faults. The tests with faults use the embedded one in every run.
- moto deletes nothing by TTL. The code checks the times itself, so no test needs the deletion.
- moto checks a condition and writes in two steps, and lets another call in between. Two parallel
  refreshes of one token then both succeed. The tests therefore send one call at a time.
"""

import logging
import os
import subprocess
import sys

# Each test has a region of its own, which moto must know before it is loaded.
os.environ["MOTO_ALLOW_NONEXISTENT_REGION"] = "true"

from moto.server import ThreadedMotoServer  # noqa: E402


class Calls(logging.Handler):
    """Counts the calls, of which moto's server logs one line each."""

    count = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.count += 1


def main(command: list[str]) -> int:
    calls = Calls()
    logger = logging.getLogger("werkzeug")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.addHandler(calls)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        environment = os.environ | {"LATCHKEY_TEST_DYNAMODB": f"{host}:{port}"}
        code = subprocess.run(command, env=environment, check=False).returncode
    finally:
        server.stop()
    print(f"moto's DynamoDB answered {calls.count} calls.")
    return code if calls.count else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
