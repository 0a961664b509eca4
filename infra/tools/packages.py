"""Checks the packages that `sam package` uploads: `make sizes`.

Runs `sam build` and `sam package` on the built artefacts. moto stands in for S3, and no other network
is reachable. Then opens the uploads: each must hold one executable `bootstrap` for the right
processor, and nothing else.
"""

import io
import os
import stat
import subprocess
import sys
import tempfile
import urllib.parse
import zipfile
from pathlib import Path

import boto3
import yaml

from deployment.parameters import Tolerant
from servers import REGION, Running, wait_for

BUCKET = "latchkey-packages"
SAM_SECONDS_MAX = 300
# The largest unzipped function
# (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html).
BYTES_MAX = 250 * 1024 * 1024
# The field e_machine of an ELF header, little endian: EM_X86_64 and EM_AARCH64.
MACHINES = {"x86_64": 62, "arm64": 183}


def main(root: str, artefacts: str, architecture: str) -> None:
    with tempfile.TemporaryDirectory() as folder, Running() as running:
        lay_out(Path(folder), Path(root), Path(artefacts))
        tools = Path(sys.executable).parent
        environment = without_network(running.moto(tools / "moto_server"), folder)
        store = boto3.client("s3", region_name=REGION, endpoint_url=environment["AWS_ENDPOINT_URL"],
                             aws_access_key_id="test", aws_secret_access_key="test")
        store.create_bucket(Bucket=BUCKET)
        sam(tools, folder, environment, "build", "--template", "template.yaml")
        sam(tools, folder, environment, "package", "--template-file", ".aws-sam/build/template.yaml", "--s3-bucket", BUCKET,
            "--output-template-file", "packaged.yaml", "--no-progressbar")
        print_packages(store, Path(folder, "packaged.yaml").read_text(), architecture)


def lay_out(folder: Path, root: Path, artefacts: Path) -> None:
    """Makes a folder with the template, and with the artefacts in their places."""
    (folder / "template.yaml").write_text((root / "template.yaml").read_text())
    (folder / "target").mkdir()
    (folder / "target/lambda").symlink_to(artefacts.resolve())


def without_network(moto: str, home: str) -> dict[str, str]:
    """An environment in which only moto is reachable."""
    wait_for(moto)
    nowhere = "http://127.0.0.1:9"
    return {
        "PATH": os.environ["PATH"], "HOME": home, "SAM_CLI_TELEMETRY": "0", "AWS_ENDPOINT_URL": moto, "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_EC2_METADATA_DISABLED": "true",
        "HTTP_PROXY": nowhere, "HTTPS_PROXY": nowhere, "NO_PROXY": "127.0.0.1,localhost",
        # Without this boto3 would ask for the bucket by a host name below localhost.
        "AWS_CONFIG_FILE": s3_by_path(home),
    }


def s3_by_path(home: str) -> str:
    file = Path(home, "aws-config")
    file.write_text("[default]\ns3 =\n  addressing_style = path\n")
    return str(file)


def sam(tools: Path, folder: str, environment: dict[str, str], *arguments: str) -> None:
    done = subprocess.run(
        [str(tools / "sam"), *arguments], cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=SAM_SECONDS_MAX,
    )
    if done.returncode != 0:
        sys.exit(f"sam {arguments[0]} failed:\n{done.stdout}{done.stderr}")


def print_packages(store, template: str, architecture: str) -> None:
    resources = yaml.load(template, Tolerant)["Resources"]
    functions = {name: each for name, each in resources.items() if each["Type"] == "AWS::Serverless::Function"}
    folders = sorted(folder.name for folder in Path("functions").iterdir())
    if len(functions) != len(folders):
        sys.exit(f"the template packages {len(functions)} functions, but functions/ has {len(folders)}")
    print(f"{'':24} {'zipped':>11} {'unzipped':>11}  bytes, {architecture}")
    for name, function in sorted(functions.items()):
        zipped = read(store, function["Properties"]["CodeUri"])
        print(f"{name:24} {len(zipped):11,} {judge(name, zipped, architecture):11,}")
    print(f"{len(functions)} packages, each one executable bootstrap and nothing else.")


def read(store, uri: str) -> bytes:
    location = urllib.parse.urlsplit(uri)
    if location.scheme != "s3":
        sys.exit(f"{uri} was not uploaded")
    return store.get_object(Bucket=location.netloc, Key=location.path.lstrip("/"))["Body"].read()


def judge(name: str, zipped: bytes, architecture: str) -> int:
    """The size of a function's program. Ends with a sentence if Lambda could not start it."""
    with zipfile.ZipFile(io.BytesIO(zipped)) as package:
        entries = package.infolist()
        if [entry.filename for entry in entries] != ["bootstrap"]:
            sys.exit(f"{name} has {', '.join(entry.filename for entry in entries)} in it, and not only bootstrap")
        mode = entries[0].external_attr >> 16
        program = package.read("bootstrap")
    if not (stat.S_IXUSR & mode and stat.S_IXGRP & mode and stat.S_IXOTH & mode):
        sys.exit(f"{name}: bootstrap is not executable for all ({stat.filemode(mode)})")
    if program[:4] != b"\x7fELF" or int.from_bytes(program[18:20], "little") != MACHINES[architecture]:
        sys.exit(f"{name}: bootstrap is no program for {architecture}")
    if len(program) > BYTES_MAX:
        sys.exit(f"{name}: bootstrap has {len(program):,} bytes, and Lambda accepts {BYTES_MAX:,}")
    return len(program)


if __name__ == "__main__":
    main(*sys.argv[1:])
