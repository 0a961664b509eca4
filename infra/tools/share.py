"""The share of a processor, and the memory, that Lambda gives a function of so many megabytes, by control groups.

A function has a whole processor at 1,769 MB and its share of one below
(https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html). In how long a period it is doled out AWS does not say; 20 ms
are assumed here. A longer one would make the pauses fewer and longer, and change no sum.
"""

import contextlib
import os
from pathlib import Path

ONE_PROCESSOR_MB = 1769
PERIOD_MICROSECONDS = 20_000
# Before everything else on this machine: the group is held to its share, and nothing may take from it.
WEIGHT_V1_MAX = 262_144
WEIGHT_V2_MAX = 10_000

V2 = Path("/sys/fs/cgroup")
CPU_V1 = Path("/sys/fs/cgroup/cpu")
MEMORY_V1 = Path("/sys/fs/cgroup/memory")


def quota(megabytes):
    """Microseconds of a processor that a function has in each period."""
    return round(PERIOD_MICROSECONDS * megabytes / ONE_PROCESSOR_MB)


class Share:
    """Control groups for one setting of memory; `enter` is called by a process that is to be in them."""

    def __init__(self, megabytes):
        self.name = f"latchkey-memory-{os.getpid()}-{megabytes}"
        share, limit = quota(megabytes), megabytes * 1024 * 1024
        if (V2 / "cgroup.controllers").exists():
            self.groups = [self.make(V2, {
                "cpu.max": f"{share} {PERIOD_MICROSECONDS}", "cpu.weight": WEIGHT_V2_MAX, "memory.max": limit,
            })]
        else:
            self.groups = [
                self.make(CPU_V1, {
                    "cpu.cfs_period_us": PERIOD_MICROSECONDS, "cpu.cfs_quota_us": share, "cpu.shares": WEIGHT_V1_MAX,
                }),
                self.make(MEMORY_V1, {"memory.limit_in_bytes": limit}),
            ]

    def make(self, parent, settings):
        group = parent / self.name
        try:
            group.mkdir()
            for name, value in settings.items():
                (group / name).write_text(str(value))
        except OSError as error:
            with contextlib.suppress(OSError):
                group.rmdir()
            raise SystemExit(f"The shares of Lambda are made with control groups, which takes root: {error}") from error
        return group

    def enter(self):
        for group in self.groups:
            (group / "cgroup.procs").write_text(str(os.getpid()))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for group in self.groups:
            group.rmdir()
