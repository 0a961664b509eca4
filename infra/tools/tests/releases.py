"""Files of a release: a small one, and one of the real template that `infra/release/pack.sh`
packs."""

import hashlib
import io
import os
import subprocess
import sys
import tarfile

from .aws import ROOT

FUNCTIONS = {"login": b"the zip of login", "verify": b"the zip of verify"}
FUNCTION = """
  {name}Function:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: provided.al2023
      Handler: bootstrap
      CodeUri: functions/{name}.zip
"""
HEAD = """
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Parameters:
  TokenProfile: {Type: String, Default: firebase}
Resources:
  Topic:
    Type: AWS::SNS::Topic
    Properties: {DisplayName: !Ref TokenProfile}
"""


def template(functions):
    return HEAD + "".join(FUNCTION.format(name=name) for name in functions)


def small(folder, version="0.2.0", functions=FUNCTIONS, text=None):
    """Writes a release for arm64 with these functions, and its checksums."""
    name = f"latchkey-{version}-aws-arm64"
    files = {"template.yaml": (text or template(functions)).encode(), "LICENSE-MIT": b"MIT"}
    files |= {f"functions/{function}.zip": content for function, content in functions.items()}
    archive = folder / f"{name}.tar.gz"
    with tarfile.open(archive, "w:gz") as packed:
        for file, content in files.items():
            entry = tarfile.TarInfo(f"{name}/{file}")
            entry.size = len(content)
            packed.addfile(entry, io.BytesIO(content))
    (folder / "SHA256SUMS").write_text(f"{hashlib.sha256(archive.read_bytes()).hexdigest()}  {archive.name}\n")
    return archive


def real(folder, version="0.2.0"):
    """Packs a release of the repository's template. The programs of its functions are only texts."""
    for function in (ROOT / "functions").iterdir():
        built = folder / "built/arm64/functions" / function.name
        built.mkdir(parents=True)
        (built / "bootstrap").write_text(function.name)
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "1780000000", "PYTHON": sys.executable}
    subprocess.run([ROOT / "infra/release/pack.sh", version, folder / "built", folder / "dist"], env=environment, check=True)
    return folder / "dist"
