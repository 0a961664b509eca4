"""An AWS that moto imitates, and the environment in which a command finds only that AWS."""

import os
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

import boto3

from servers import Running, wait_for

ROOT = Path(__file__).resolve().parents[3]
REGION = "eu-central-1"


class Moto:
    """A moto_server, started once for the tests of a class."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.running = Running()
        self.url = self.running.moto(Path(sys.executable).with_name("moto_server"))
        wait_for(self.url)

    def stop(self):
        self.running.close()
        self.folder.cleanup()

    def reset(self):
        urllib.request.urlopen(urllib.request.Request(f"{self.url}/moto-api/reset", method="POST")).close()

    def client(self, service):
        return boto3.client(
            service, region_name=REGION, endpoint_url=self.url, aws_access_key_id="test", aws_secret_access_key="test"
        )

    def environment(self, **changes):
        """A caller's environment for this AWS. A change to None leaves a variable out."""
        variables = {
            "PATH": os.environ["PATH"],
            # rustup and cargo need HOME. No AWS file of this machine is found there.
            "HOME": os.environ.get("HOME", ""),
            "AWS_CONFIG_FILE": f"{self.folder.name}/config",
            "AWS_SHARED_CREDENTIALS_FILE": f"{self.folder.name}/credentials",
            "AWS_EC2_METADATA_DISABLED": "true",
            "PYTHONPATH": str(ROOT / "infra/tools"),
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            **changes,
        }
        return {name: value for name, value in variables.items() if value is not None}

    def run(self, module, *arguments, root=ROOT, **changes):
        """Runs a command to its end, in the repository or in a folder like it, without a
        terminal."""
        return subprocess.run(
            [sys.executable, "-m", module, *arguments],
            cwd=root, env=self.environment(**changes), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300,
        )
