"""Starts the pinned SAM, without telemetry and in the region that was found."""

import os
from pathlib import Path


def program(root: Path) -> str:
    return str(root / ".tools/venv/bin/sam")


def environment(region: str) -> dict[str, str]:
    """The caller's environment with the region, because SAM does not read AWS_REGION."""
    return {**os.environ, "SAM_CLI_TELEMETRY": "0", "AWS_DEFAULT_REGION": region}
