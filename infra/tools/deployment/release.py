"""Reads the functions and the template of a release from its archive, as `make release` makes it."""

import hashlib
import re
import tarfile
from dataclasses import dataclass
from pathlib import Path

from .refusal import Refusal

VERSION = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.]+)?")
SUMS = "SHA256SUMS"
# The line of a function in the template of a release. `infra/release/pack.sh` writes it.
CODE = re.compile(r"^( *CodeUri: )functions/([a-z0-9-]+)\.zip$", re.MULTILINE)


@dataclass(frozen=True)
class Release:
    """The template of one version for one processor, and the zip of each function by its name."""

    name: str
    template: str
    functions: dict[str, bytes]

    def packaged(self, place_of) -> str:
        """The template with the place of each zip, which `place_of` tells by the function's name."""
        return CODE.sub(lambda line: line[1] + place_of(line[2]), self.template)


def read(folder: Path, version: str, architecture: str) -> Release:
    """The release of this version for this processor in a folder.

    Raises `Refusal` if a file is missing, or is not the file that was released.
    """
    if not VERSION.fullmatch(version):
        raise Refusal(f"VERSION is a number such as 0.2.0, as in make publish VERSION=0.2.0, and not {version!r}.")
    name = f"latchkey-{version}-aws-{architecture}"
    archive = folder / f"{name}.tar.gz"
    must_be_whole(archive, f"make release VERSION={version} PARTS=functions-{architecture}")
    with tarfile.open(archive) as packed:
        files = {each.name.removeprefix(f"{name}/"): packed.extractfile(each).read() for each in packed if each.isfile()}
    functions = {Path(file).stem: content for file, content in files.items() if re.fullmatch(r"functions/[^/]+\.zip", file)}
    template = files.get("template.yaml", b"").decode()
    named = {line[2] for line in CODE.finditer(template)}
    if not named or named != set(functions):
        odd = ", ".join(sorted(named ^ set(functions))) or "no function"
        raise Refusal(f"{archive} does not belong together: its template and its zips differ in {odd}. Make the release again.")
    return Release(name, template, functions)


def must_be_whole(archive: Path, way: str) -> None:
    """Raises `Refusal` unless the archive is there and has the checksum of `SHA256SUMS` beside it."""
    sums = archive.parent / SUMS
    for file in (archive, sums):
        if not file.is_file():
            raise Refusal(f"There is no {file}. Download the files of the release into {archive.parent}, or run {way}.")
    lines = (line.split(maxsplit=1) for line in sums.read_text().splitlines())
    expected = {name.lstrip("*"): digest for digest, name in (pair for pair in lines if len(pair) == 2)}
    if archive.name not in expected:
        raise Refusal(f"{sums} has no line for {archive.name}: it belongs to another release.")
    if hashlib.sha256(archive.read_bytes()).hexdigest() != expected[archive.name]:
        raise Refusal(f"{archive} is not the file that was released: its SHA-256 is not that of {sums}. Download it again.")
