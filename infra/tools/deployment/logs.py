"""`make logs`: follows the logs of a stack, or of one function, with `sam logs --tail`."""

import argparse
import os
import sys
from pathlib import Path

from . import sam
from .account import connect, identify
from .refusal import Refusal, told
from .stack import ENVIRONMENTS, must_find

# make starts this program in the repository.
ROOT = Path.cwd()


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="logs", description=__doc__)
    parser.add_argument("--env", required=True, choices=ENVIRONMENTS)
    parser.add_argument("--function", default="", help="the name of a folder in functions/; by default all")
    asked = parser.parse_args(arguments)
    with told():
        named = ["--name", logical_name(asked.function)] if asked.function else []
        session = connect()
        caller = identify(session)
        stack = must_find(session, asked.env)
        command = [sam.program(ROOT), "logs", "--stack-name", stack.name, "--region", caller.region, "--tail", *named]
        os.execve(command[0], command, sam.environment(caller.region))


def logical_name(function: str) -> str:
    """The name of a function in template.yaml.

    Raises `Refusal` if there is no such function.
    """
    there = sorted(folder.name for folder in (ROOT / "functions").iterdir() if folder.is_dir())
    if function not in there:
        raise Refusal(f"FUNCTION is one of {', '.join(there)}, not {function}.")
    return "".join(word.capitalize() for word in function.split("-")) + "Function"


if __name__ == "__main__":
    main(sys.argv[1:])
