"""Measures size, start and memory of functions, side by side: `make start`.

Measures the time from the start of a process to its first poll and to its first answer. Each
function is started many times, the functions in turn, so that other work of the machine affects all
alike. `latchkey serve` provides DynamoDB, and moto provides Secrets Manager. If valgrind is
installed, its callgrind counts the instructions of a start, of the first answer and of the second.
"""

import shutil
import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path

from lambda_runtime import LOGIN, Function, cloud, event

STARTS = 40
WARM_REQUESTS = 3
# A function under callgrind is some fifty times as slow.
POLL_SECONDS_MAX = 60
# The first request to each function, by its name. All others get a login.
EVENTS = {"well-known": event("GET", "/.well-known/jwks.json"), "console": event("GET", "/")}


def first_request(program):
    return EVENTS.get(Path(program).name, LOGIN)


def start(program, environment):
    """One start: milliseconds to the first poll, to the first answer, and of a warm answer; page
    faults, peak memory in KiB, the connections that the first answer opened, and its status."""
    with Function(program, environment) as function:
        wait_for_poll(function)
        connections = function.connections()
        _, status, _ = function.invoke(first_request(program))
        opened = len(function.connections() - connections)
        times, faults = function.times(), function.page_faults()
        warm = [function.invoke(first_request(program))[0] for _ in range(WARM_REQUESTS)]
        return *times, statistics.median(warm), faults, function.peak_kib(), opened, status


def wait_for_poll(function):
    for _ in range(POLL_SECONDS_MAX * 1000):
        if function.server.polled is not None:
            return
        time.sleep(0.001)
    raise SystemExit(f"{function.program} did not poll")


def instructions(program, environment, requests, folder):
    """The instructions of a start and of this many requests, in millions."""
    counted, script = Path(folder, "counted"), Path(folder, "script")
    script.write_text(f"#!/bin/sh\nexec valgrind -q --tool=callgrind --callgrind-out-file='{counted}' '{program}'\n")
    script.chmod(0o700)
    with Function(script, environment) as function:
        wait_for_poll(function)
        for _ in range(requests):
            function.invoke(first_request(program))
        # Callgrind writes its file at the end of the process.
        function.process.send_signal(signal.SIGTERM)
        function.process.wait()
    return next(int(line.split()[1]) for line in counted.read_text().splitlines() if line.startswith(("summary:", "totals:"))) / 1e6


def count(programs, environment):
    print(f"\n{'instructions':14} {'to the poll':>12} {'first answer':>13} {'second':>8}  millions")
    with tempfile.TemporaryDirectory() as folder:
        for program in programs:
            poll, first, second = (instructions(program, environment, requests, folder) for requests in range(3))
            print(f"{Path(program).name:14} {poll:12.2f} {first - poll:13.2f} {second - first:8.2f}")


def main(latchkey, moto_server, programs):
    figures = {program: [] for program in programs}
    with cloud(latchkey, moto_server) as environment:
        for _ in range(STARTS):
            for program in programs:
                figures[program].append(start(program, environment))
        print(
            f"{'':14} {'bytes':>11} {'first poll ms':>14} {'first answer ms':>16} {'warm ms':>8} {'page faults':>12} "
            f"{'peak MiB':>9} {'connections':>12}  status"
        )
        for program, starts in figures.items():
            *measured, statuses = zip(*starts)
            poll, answer, warm, faults, peak, opened = map(statistics.median, measured)
            name, size = Path(program).name, Path(program).stat().st_size
            print(
                f"{name:14} {size:11,} {poll:14.1f} {answer:16.1f} {warm:8.1f} {faults:12,.0f} {peak / 1024:9.1f} {opened:12.0f}  "
                f"{sorted(set(statuses))}"
            )
        if shutil.which("valgrind"):
            count(programs, environment)
        else:
            print("Install valgrind, and the instructions are counted too.")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
