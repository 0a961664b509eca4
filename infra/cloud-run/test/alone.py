"""Checks the image as one container with a volume: docker run --read-only -p 8080:8080 -v latchkey:/data."""

import os
import subprocess

from image import VOLUME
from instance import Instance, run
from walk import ask, session, wait_for_health

# As in the Dockerfile, and no variable besides: `docker run` needs none.
CONTAINER = {"containers": [{
    "ports": [{"containerPort": 8080}],
    "startupProbe": {"httpGet": {"path": "/health"}, "periodSeconds": 1, "failureThreshold": 30},
}]}
ACCOUNTS = 5


def keeps_everything(root, stage, scratch, is_nested):
    container = Instance(root, stage, CONTAINER, scratch / "alone.log", is_nested)
    container.own = {}
    try:
        mount_volume(container, scratch / "volume")
        sessions = fill(container)
        kill(container)
        keeps(container, sessions)
        archive = scratch / "latchkey.tar"
        with archive.open("wb") as file:
            container.run([*stage.entrypoint, "backup", "-"], stdout=file, check=True)
        kill(container)
        run("umount", root / VOLUME.lstrip("/"))
        mount_volume(container, scratch / "other")
        with archive.open("rb") as file:
            container.run([*stage.entrypoint, "restore", "-"], stdin=file, check=True)
        keeps(container, sessions)
        kill(container)
    except BaseException:
        print(container.log.read_text()[-4000:], flush=True)
        raise
    finally:
        if container.process:
            container.process.kill()
            container.process.wait()
    print(f"alone with a volume: {ACCOUNTS} accounts and sessions outlive a kill, and a restore of a backup", flush=True)


def mount_volume(container, folder):
    """Mounts a new volume. Docker gives it the owner of the image's folder."""
    folder.mkdir()
    if not container.is_nested:
        os.chown(folder, *map(int, container.stage.owners[VOLUME].split(":")))
    run("mount", "--bind", folder, container.root / VOLUME.lstrip("/"))


def fill(container):
    assert is_healthy(container) is False
    container.start({})
    wait_for_health(container)
    assert is_healthy(container) is True
    return [session(container, number, "/create-account", 201) for number in range(ACCOUNTS)]


def keeps(container, sessions):
    """Starts the container again. Every account is there, and every session goes on."""
    container.start({})
    wait_for_health(container)
    for number, made in enumerate(sessions):
        assert session(container, number, "/login", 200)["uid"] == made["uid"]
        status, renewed = ask(container, "POST", "/refresh", {"refresh_token": made["refresh_token"]})
        assert status == 200, renewed
        made["refresh_token"] = renewed["refresh_token"]


def kill(container):
    container.process.kill()
    container.process.wait()


def is_healthy(container):
    """Whether the HEALTHCHECK of the image is content."""
    check = container.run(container.stage.health_check, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert check.returncode in (0, 1), check
    return check.returncode == 0
