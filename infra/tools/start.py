"""Measures size, start and memory of functions, side by side: `make start`.

Measures the time from the start of a process to its first poll and to its first answer. Each
function is started many times, the functions in turn, so that other work of the machine affects all
alike. `latchkey serve` provides DynamoDB, and moto provides Secrets Manager.
"""

import statistics
import sys
from pathlib import Path

from lambda_runtime import LOGIN, Function, cloud, event

STARTS = 40
# The first request to each function, by its name. All others get a login.
EVENTS = {"well-known": event("GET", "/.well-known/jwks.json")}


def start(program, environment):
    """One start: milliseconds to the first poll, milliseconds to the first answer, peak memory in
    KiB, and the answer's status."""
    with Function(program, environment) as function:
        _, status, _ = function.invoke(EVENTS.get(Path(program).name, LOGIN))
        return *function.times(), function.peak_kib(), status


def main(latchkey, moto_server, programs):
    figures = {program: [] for program in programs}
    with cloud(latchkey, moto_server) as environment:
        for _ in range(STARTS):
            for program in programs:
                figures[program].append(start(program, environment))
    print(f"{'':14} {'bytes':>11} {'first poll ms':>14} {'first answer ms':>16} {'peak MiB':>9}  status")
    for program, starts in figures.items():
        polls, answers, peaks, statuses = zip(*starts)
        middle = [statistics.median(figure) for figure in (polls, answers, peaks)]
        name, size = Path(program).name, Path(program).stat().st_size
        print(f"{name:14} {size:11,} {middle[0]:14.1f} {middle[1]:16.1f} {middle[2] / 1024:9.1f}  {sorted(set(statuses))}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
