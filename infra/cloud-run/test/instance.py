"""One instance of the service: a process in the image's file system, with the mounts and variables of
Cloud Run."""

import shutil
import subprocess
from pathlib import Path

# The folders and devices of every container. There is no /tmp unless the image has one.
FOLDERS = ("proc", "sys")
DEVICES = ("null", "zero", "full", "random", "urandom")


class Instance:
    def __init__(self, root, stage, service, log, is_nested):
        self.root, self.stage, self.service, self.log = root, stage, service, log
        # The variables of Cloud Run itself.
        self.own = {"K_SERVICE": "latchkey", "K_REVISION": "latchkey-00001-abc", "K_CONFIGURATION": "latchkey"}
        # Without root, this namespace has only one user. The image's user then needs a namespace
        # inside it.
        self.is_nested = is_nested
        self.container = service["containers"][0]
        self.port = self.container["ports"][0]["containerPort"]
        self.process = None

    def mount(self, secrets):
        """Mounts the root as an instance has it, but read only. Cloud Run allows writing, but the program must
        not need it."""
        for name in (*FOLDERS, "dev"):
            (self.root / name).mkdir()
        for name in DEVICES:
            (self.root / "dev" / name).touch()
        etc = self.root / "etc"
        etc.mkdir(exist_ok=True)
        (etc / "resolv.conf").write_text("nameserver 127.0.0.1\n")
        (etc / "hosts").write_text("127.0.0.1 localhost\n")
        volumes = {volume["name"]: volume["secret"] for volume in self.service["volumes"]}
        for mount in self.container["volumeMounts"]:
            secret, folder = volumes[mount["name"]], self.root / mount["mountPath"].lstrip("/")
            folder.mkdir(parents=True)
            for item in secret["items"]:
                file = folder / item["path"]
                file.write_text(secrets[secret["secretName"], item["path"]])
                file.chmod(0o444)
        run("mount", "--bind", self.root, self.root)
        for name in FOLDERS:
            run("mount", "--rbind", f"/{name}", self.root / name)
        for name in DEVICES:
            run("mount", "--bind", f"/dev/{name}", self.root / "dev" / name)
        run("mount", "-o", "remount,bind,ro", self.root)

    def start(self, changes, **options):
        """Starts the process with the variables of the image, of service.yaml with `changes`, and of Cloud Run."""
        variables = {variable["name"]: variable["value"] for variable in self.container.get("env", [])} | changes
        with open(self.log, "wb") as log:
            options = {"stderr": log, "stdout": subprocess.DEVNULL} | options
            command = [*self.stage.entrypoint, *self.container.get("args", self.stage.command)]
            self.process = subprocess.Popen(self.inside(command), env=self.variables(variables), **options)
        return self.process

    def run(self, command, **options):
        """Runs another program of the image to its end, as `docker exec` and `docker run` do."""
        return subprocess.run(self.inside(command), env=self.variables({}), **options)

    def variables(self, others):
        return {**self.stage.environment, **others, **self.own, "PORT": str(self.port)}

    def inside(self, command):
        """The command in the file system of the image, as its user."""
        user, group = self.stage.user.split(":")
        if self.is_nested:
            enter = [shutil.which("unshare"), "--user", f"--map-user={user}", f"--map-group={group}", f"--root={self.root}", "--wd=/"]
        else:
            enter = [shutil.which("chroot"), f"--userspec={self.stage.user}", "--groups=", self.root]
        return [*enter, *command]

    def status(self, name):
        """The values of one line of the process's status in /proc."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(line.split(":", 1)[1].split() for line in lines if line.startswith(f"{name}:"))


def run(*command):
    subprocess.run(command, check=True)
