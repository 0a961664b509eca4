"""Makes the file system of the image by the lines of the Dockerfile, without Docker. This machine
stands in for the build stage."""

import os
import shutil
import subprocess
from pathlib import Path

from dockerfile import lets_through, stages

REPOSITORY = Path(__file__).resolve().parents[3]
DOCKERFILE = REPOSITORY / "infra/cloud-run/Dockerfile"
IGNORE = DOCKERFILE.with_name("Dockerfile.dockerignore")
# The folder of the accounts and keys, where one container has its volume.
VOLUME = "/data"
# Leftovers of a build, and programs that would help an intruder.
UNWANTED = {"sh", "bash", "busybox", "cargo", "rustc", "apt", "dpkg", "target", "registry", "Cargo.toml", "Cargo.lock", ".git"}


def build_context(folder):
    """Copies the build context: the tracked files that .dockerignore lets through."""
    ignore = IGNORE.read_text()
    tracked = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
                             cwd=REPOSITORY, check=True, capture_output=True, text=True).stdout
    for name in filter(None, tracked.split("\0")):
        if lets_through(ignore, name) and (REPOSITORY / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / name, folder / name)


def check_context(context, program):
    """Checks that the build context is complete: its workspace can be read, and each source of the program
    is there."""
    subprocess.run(["cargo", "metadata", "--locked", "--offline", "--no-deps", "--format-version", "1"],
                   cwd=context, check=True, stdout=subprocess.DEVNULL)
    own = sources(Path(program).parent / "deps")
    assert len(own) > 100, f"{len(own)} sources are known beside {program}"
    for source in own:
        assert (context / source).is_file(), f"{IGNORE.name} keeps {source} from the build"
    assert (context / ".cargo/config.toml").is_file(), f"{IGNORE.name} keeps .cargo/config.toml from the build"


def sources(compiled):
    """The files of this repository that the program was made of, as the compiler recorded them.

    Cargo's own list beside the program is missing if only tests were built.
    """
    notes = [line for file in compiled.glob("*.d") for line in file.read_text().splitlines()]
    made = [line.partition(": ") for line in notes]
    libraries = {source for target, _, named in made if target.endswith(".rlib") for source in named.split()}
    # The compiler names the workspace's own files by a relative path, and all others by an absolute
    # one.
    own = {source for source in libraries if not Path(source).is_absolute()} | {"infra/cli/src/main.rs"}
    # Records of earlier builds stay, and may name files that are gone.
    return {source for source in own if (REPOSITORY / source).is_file()}


def build_stage(context, target, program):
    """Runs the commands of the build stage, or puts a program that is built already in the place of theirs."""
    stage = stages(DOCKERFILE.read_text())[0]
    assert stage.copies == [(None, ["."], ".")], stage.copies
    if program is None:
        (context / "target").symlink_to(target)
        for command in stage.commands:
            subprocess.run(command, shell=True, cwd=context, check=True, env={**os.environ, "CARGO_TARGET_DIR": "target"})
        (context / "target").unlink()
    else:
        commands = "cargo build --profile tool --locked -p latchkey && cp target/tool/latchkey latchkey && mkdir data"
        assert stage.commands == [commands], stage.commands
        shutil.copy2(program, context / "latchkey")
        (context / "data").mkdir()
    return stage


def make_root(root, context, built):
    """Makes the file system of the last stage, and returns that stage."""
    stage = stages(DOCKERFILE.read_text())[-1]
    assert stage.base == "scratch" and not stage.commands, "the last stage must only copy files, and run nothing"
    for source_stage, sources, destination in stage.copies:
        assert source_stage == built.name, f"COPY from {source_stage}"
        for source in map(Path, sources):
            inside = source.is_relative_to(built.workdir)
            origin = context / source.relative_to(built.workdir) if inside else source
            place = root / destination.lstrip("/")
            place = place / source.name if destination.endswith("/") else place
            place.parent.mkdir(parents=True, exist_ok=True)
            if origin.is_dir():
                shutil.copytree(origin, place)
            else:
                shutil.copy2(origin, place, follow_symlinks=True)
    return stage


def check_root(root, stage):
    """Checks that the root holds only copied files, no leftovers of a build, and one folder that its user owns."""
    files = [path for path in root.rglob("*") if not path.is_dir()]
    assert stage.owners == {VOLUME: stage.user}, stage.owners
    assert len(files) == sum(len(sources) for _, sources, place in stage.copies if place != VOLUME), files
    assert not list((root / VOLUME.lstrip("/")).iterdir())
    left = [path for path in root.rglob("*") if path.name in UNWANTED or path.suffix in {".rs", ".rlib", ".d", ".a"}]
    assert not left, left
    user, _, group = stage.user.partition(":")
    assert user.isdigit() and group.isdigit() and int(user) > 0, f"USER {stage.user} must be a number, and not root's"
    assert stage.entrypoint and Path(stage.entrypoint[0]).is_absolute(), stage.entrypoint
    return sum(path.stat().st_size for path in files)
