"""Finds the values of the template's parameters, before anything is deployed."""

import shlex
import tomllib
from pathlib import Path

import yaml

from .refusal import Refusal


class Tolerant(yaml.SafeLoader):
    """Reads YAML with CloudFormation's short functions, which are ignored here."""


def plain(loader, _, node):
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    return loader.construct_sequence(node) if isinstance(node, yaml.SequenceNode) else loader.construct_mapping(node)


Tolerant.add_multi_constructor("!", plain)


def read_template(text: str) -> dict:
    """The plain parts of a template, such as parameters and deletion policies."""
    # Tolerant is a safe loader.
    return yaml.load(text, Tolerant)


def given(words: str) -> dict[str, str]:
    """Reads `Name=value` words, quoted as in a shell.

    Raises `Refusal` for a word without a name.
    """
    found = {}
    for word in shlex.split(words):
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise Refusal(f"PARAMETERS has words of the form Name=value, and {word!r} is not one.")
        found[name] = value
    return found


def configured(samconfig: Path, environment: str) -> dict[str, str]:
    """The overrides of an environment in samconfig.toml, in any form that SAM accepts."""
    if not samconfig.exists():
        return {}
    tables = tomllib.loads(samconfig.read_text()).get(environment, {})
    overrides = {}
    for command in ("global", "deploy"):
        listed = tables.get(command, {}).get("parameters", {}).get("parameter_overrides", {})
        if isinstance(listed, dict):
            overrides |= {name: str(value) for name, value in listed.items()}
        else:
            overrides |= given(listed if isinstance(listed, str) else " ".join(shlex.quote(each) for each in listed))
    return overrides


def effective(template: dict, overrides: dict[str, str], deployed: dict[str, str]) -> dict[str, str]:
    """Every parameter's value: the override, the value of the deployed stack, or the template's
    default, in SAM's order.

    Raises `Refusal` for an override that is no parameter of the template.
    """
    declared = template.get("Parameters", {})
    unknown = sorted(set(overrides) - set(declared))
    if unknown:
        raise Refusal(f"The template has no parameter {', '.join(unknown)}.")
    defaults = {name: str(declaration.get("Default", "")) for name, declaration in declared.items()}
    return defaults | {name: value for name, value in deployed.items() if name in declared} | overrides
