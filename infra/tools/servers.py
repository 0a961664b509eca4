"""Helpers of the tools: a free port, `latchkey serve`, and an AWS that moto imitates."""

import contextlib
import json
import socket
import subprocess
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

REGION = "us-east-1"
# An attempt takes a tenth of a second.
START_ATTEMPTS = 600


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass(frozen=True)
class Serving:
    """A `latchkey serve` that listens."""

    origin: str
    data: Path


class Running(contextlib.ExitStack):
    """Processes that end with the block that started them."""

    def run(self, *command, **options):
        process = subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
        self.callback(process.wait)
        self.callback(process.terminate)
        return process

    def serve(self, latchkey, data, *arguments, **options):
        """Starts `latchkey serve` on a free port, and waits until it listens."""
        command = (latchkey, "serve", "--port", "0", "--data-dir", data, *arguments)
        process = self.run(*command, stdout=subprocess.PIPE, **options)
        self.callback(process.stdout.close)
        return Serving(process.stdout.readline().decode().split(" ")[3], Path(data))

    def moto(self, moto_server):
        """Starts an empty AWS, and returns its URL. It may not listen yet."""
        port = free_port()
        self.run(moto_server, "-H", "127.0.0.1", "-p", port, stdout=subprocess.DEVNULL)
        return f"http://127.0.0.1:{port}"


def wait_for(url):
    """Waits until the server answers."""
    for _ in range(START_ATTEMPTS):
        with contextlib.suppress(OSError):
            return urllib.request.urlopen(f"{url}/moto-api/").close()
        time.sleep(0.1)
    raise SystemExit(f"no moto at {url}")


def store_secret(url, name, file, region=REGION):
    """Makes a secret from a file, and returns its ARN."""
    request = urllib.request.Request(f"{url}/", json.dumps({"Name": name, "SecretString": file.read_text()}).encode(), {
        "content-type": "application/x-amz-json-1.1",
        "x-amz-target": "secretsmanager.CreateSecret",
        # moto reads the region from this header, and verifies nothing.
        "authorization": f"AWS4-HMAC-SHA256 Credential=test/20260101/{region}/secretsmanager/aws4_request",
    })
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)["ARN"]
