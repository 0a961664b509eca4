"""SAM as these commands start it: the pinned one, silent, and in the region that they found."""

import os
from pathlib import Path


def program(root: Path) -> str:
    return str(root / ".tools/venv/bin/sam")


def environment(region: str) -> dict[str, str]:
    """The caller's environment; SAM itself does not read AWS_REGION."""
    return {**os.environ, "SAM_CLI_TELEMETRY": "0", "AWS_DEFAULT_REGION": region}
