"""Reads a Dockerfile and its .dockerignore, as far as ours need it. Anything else is refused, and not
overlooked."""

import fnmatch
import json
import re
import shlex
from dataclasses import dataclass, field

KNOWN = {"FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "STOPSIGNAL", "HEALTHCHECK", "ENTRYPOINT", "CMD"}


@dataclass
class Stage:
    base: str
    name: str
    workdir: str = "/"
    copies: list = field(default_factory=list)  # (stage or None, sources, destination)
    owners: dict = field(default_factory=dict)  # destination: owner
    commands: list = field(default_factory=list)
    environment: dict = field(default_factory=dict)
    user: str = ""
    entrypoint: list = field(default_factory=list)
    command: list = field(default_factory=list)
    health_check: list = field(default_factory=list)
    stop_signal: str = "SIGTERM"


def stages(text):
    """The stages, from first to last."""
    found = []
    for word, rest in instructions(text):
        if word not in KNOWN:
            raise SystemExit(f"The test does not know the instruction {word}: add it to the test, or do without it.")
        if word == "FROM":
            base, _, name = rest.partition(" AS ")
            found.append(Stage(base.strip(), name.strip()))
            continue
        stage = found[-1]
        if word == "WORKDIR":
            stage.workdir = rest
        elif word == "COPY":
            options = dict(re.findall(r"--(from|chown)=(\S+)", rest))
            *sources, destination = shlex.split(re.sub(r"--\S+\s+", "", rest))
            stage.copies.append((options.get("from"), sources, destination))
            if "chown" in options:
                stage.owners[destination] = options["chown"]
        elif word == "RUN":
            # The mounted caches belong to the builder and are not in the image.
            stage.commands.append(re.sub(r"^(--mount=type=cache,\S+\s+)*", "", rest))
        elif word == "ENV":
            stage.environment |= dict(pair.split("=", 1) for pair in shlex.split(rest))
        elif word == "USER":
            stage.user = rest
        elif word == "STOPSIGNAL":
            stage.stop_signal = rest
        elif word == "HEALTHCHECK":
            stage.health_check = json.loads(rest.partition(" CMD ")[2])
        elif word == "CMD":
            stage.command = json.loads(rest)
        else:
            stage.entrypoint = json.loads(rest)
    return found


def instructions(text):
    """Each instruction with its arguments on one line, without comments."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    for line in re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines():
        if line.strip():
            word, _, rest = line.strip().partition(" ")
            yield word, rest.strip()


def lets_through(ignore_text, path):
    """Whether the .dockerignore lets this path into the build. The last matching pattern decides."""
    through = True
    for pattern in ignore_text.splitlines():
        if pattern.strip() and not pattern.startswith("#"):
            name = pattern.strip().removeprefix("!").strip("/")
            parts = path.split("/")
            if any(fnmatch.fnmatchcase("/".join(parts[: n + 1]), name) for n in range(len(parts))):
                through = pattern.startswith("!")
    return through
