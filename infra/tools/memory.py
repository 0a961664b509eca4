"""Measures time and cost of the functions for each memory size: `make memory`.

Runs the functions as they are deployed, with the processor share that Lambda gives for each memory
size. Prints for each size the cold and the warm times, the processor time, and the cost of a million
requests. The memory is limited too, so a size that is too small ends the function. DynamoDB and
Secrets Manager run on this machine without optimisation, and answer about as slowly as in a region.
The wait for them does not depend on the size; a line below each table states it. Lambda gives a
function more processor time while it starts, so its cold times are shorter than these.
"""

import contextlib
import functools
import json
import math
import os
import statistics
import sys
from pathlib import Path

from lambda_runtime import LOGIN, Function, cloud, post
from share import Share

COLD_STARTS = 20
WARM_REQUESTS = 50
# Requests that are not counted, because the first connections and memory pages are no part of a
# warm request.
WARMING_UP = 3

# List prices of us-east-1 in dollars, without the free tier
# (https://aws.amazon.com/lambda/pricing/).
GB_SECOND = {"arm64": 0.0000133334, "x86_64": 0.0000166667}
MILLION_REQUESTS = 0.20
MILLION = 1_000_000

SETTINGS = {
    "login": (128, 256, 512, 1024, 1769, 3008),
    "refresh": (128, 256, 512, 1024),
    "verify": (128, 256, 512, 1024),
}
HEADING = (
    f"{'MB':>5} {'cold ms':>8} {'warm ms':>8} {'p99 ms':>7} {'CPU ms':>7} {'GB-s/million':>13} {'arm64 $/M':>10} "
    f"{'x86 $/M':>8} {'peak MiB':>9}"
)


def asking(name, session):
    """Makes the events of a function one after the other, each from the previous answer."""
    if name == "login":
        return lambda _: LOGIN
    if name == "refresh":
        return lambda before: post("/refresh", {"refresh_token": (before or session())["refresh_token"]})
    token = session()["access_token"]
    return lambda _: post("/verify", {"token": token})


def log_in(program, environment):
    with Function(program, environment) as login:
        return ask(login, LOGIN)[1]


def ask(function, asked):
    """The milliseconds and the body of an answer. Fails unless its status is 200."""
    took, status, body = function.invoke(asked)
    if status != 200:
        raise SystemExit(f"{function.program} answered {status}: {body}")
    return took, json.loads(body)


def measure(program, environment, megabytes, make):
    """The figures of one function at one memory size."""
    environment = {**environment, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(megabytes)}
    with Share(megabytes) as share:
        cold = []
        for _ in range(COLD_STARTS):
            asked = make(None)
            with Function(program, environment, share.enter) as function:
                ask(function, asked)
                cold.append(function.times()[1])
        with Function(program, environment, share.enter) as function:
            return {"cold": statistics.median(cold), **warm(function, make)}


def warm(function, make):
    body = None
    for _ in range(WARMING_UP):
        _, body = ask(function, make(body))
    took, used = [], function.processor_ms()
    for _ in range(WARM_REQUESTS):
        milliseconds, body = ask(function, make(body))
        took.append(milliseconds)
    return {
        "median": statistics.median(took),
        "p99": sorted(took)[math.ceil(0.99 * WARM_REQUESTS) - 1],
        # Lambda bills whole milliseconds, rounded up.
        "billed": statistics.mean(map(math.ceil, took)),
        "processor": (function.processor_ms() - used) / WARM_REQUESTS,
        "peak": function.peak_kib() / 1024,
    }


def row(megabytes, figures):
    gb_seconds = MILLION * figures["billed"] / 1000 * megabytes / 1024
    cost = {name: gb_seconds * price + MILLION_REQUESTS for name, price in GB_SECOND.items()}
    return (
        f"{megabytes:5} {figures['cold']:8.0f} {figures['median']:8.1f} {figures['p99']:7.1f} {figures['processor']:7.1f} "
        f"{gb_seconds:13,.0f} {cost['arm64']:10.2f} {cost['x86_64']:8.2f} {figures['peak']:9.1f}"
    )


def main(latchkey, moto_server, artefacts):
    # Gives these processes priority, so that they answer the functions as well as a region would.
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, -19)
    with cloud(latchkey, moto_server) as environment:
        # Each cold start begins with its own session.
        session = functools.partial(log_in, Path(artefacts, "login", "bootstrap"), environment)
        for name, settings in SETTINGS.items():
            program = Path(artefacts, name, "bootstrap")
            print(f"\n{name}: medians of {COLD_STARTS} cold starts and {WARM_REQUESTS} warm requests\n{HEADING}", flush=True)
            for megabytes in settings:
                figures = measure(program, environment, megabytes, asking(name, session))
                print(row(megabytes, figures), flush=True)
            print(f"At {megabytes} MB {figures['median'] - figures['processor']:.1f} ms of a warm request are waiting.")
    print(f"\nDollars at us-east-1's list prices, requests included at {MILLION_REQUESTS:.2f} a million; the free tier is not.")


if __name__ == "__main__":
    main(*sys.argv[1:])
