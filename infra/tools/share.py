"""Limits a process to the processor time and the memory of a Lambda function, by control groups.

A function has a whole processor at 1,769 MB, and a proportional share below
(https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html). AWS does not document the
period of the share; 20 ms are assumed here. A longer period would make the pauses fewer and longer,
with the same sum.
"""

import contextlib
import os
from pathlib import Path

ONE_PROCESSOR_MB = 1769
PERIOD_MICROSECONDS = 20_000
# The highest weight, so that nothing else on this machine takes from the group's share.
WEIGHT_V1_MAX = 262_144
WEIGHT_V2_MAX = 10_000

V2 = Path("/sys/fs/cgroup")
CPU_V1 = Path("/sys/fs/cgroup/cpu")
MEMORY_V1 = Path("/sys/fs/cgroup/memory")


def quota(megabytes):
    """The processor time of a function in each period, in microseconds."""
    return round(PERIOD_MICROSECONDS * megabytes / ONE_PROCESSOR_MB)


class Share:
    """The control groups for one memory size. A process calls `enter` to join them."""

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
            raise SystemExit(f"The shares of Lambda are made with control groups, which need root: {error}") from error
        return group

    def enter(self):
        for group in self.groups:
            (group / "cgroup.procs").write_text(str(os.getpid()))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for group in self.groups:
            group.rmdir()
