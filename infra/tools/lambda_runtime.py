"""Imitates Lambda's runtime API (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html),
and measures times.

Starts a function, hands it events one after the other, and records its first poll and each answer.
"""

import contextlib
import json
import queue
import subprocess
import tempfile
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from servers import REGION, Running, free_port, store_secret, wait_for

ANSWER_SECONDS_MAX = 60
# The same values as in template.yaml.
TIMEOUT_SECONDS = 10


def event(method, path, body=""):
    return {
        "version": "2.0",
        "routeKey": f"ANY {path}",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"content-type": "application/json"},
        "requestContext": {
            "accountId": "1", "apiId": "a", "domainName": "login.example", "domainPrefix": "login", "requestId": "r",
            "routeKey": f"ANY {path}", "stage": "$default", "time": "01/Jan/2026:00:00:00 +0000",
            "timeEpoch": 1767225600000,
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "x"},
        },
        "body": body,
        "isBase64Encoded": False,
    }


def post(path, value):
    return event("POST", path, json.dumps(value))


LOGIN = post("/login", {"email": "try@example.com", "password": "correct horse battery"})


class RuntimeApi(BaseHTTPRequestHandler):
    """Serves the function: a poll waits for an event, and an answer goes to the caller of
    `invoke`."""

    protocol_version = "HTTP/1.1"
    # An answer is sent in two writes. With Nagle's algorithm the second would wait for an
    # acknowledgement.
    disable_nagle_algorithm = True

    def do_GET(self):
        server = self.server
        if server.polled is None:
            server.polled = time.monotonic()
        body = server.events.get()
        self.send_response(200)
        for name, value in (
            ("lambda-runtime-aws-request-id", "r"),
            ("lambda-runtime-invoked-function-arn", f"arn:aws:lambda:{REGION}:1:function:login"),
            ("lambda-runtime-deadline-ms", str(int((time.time() + TIMEOUT_SECONDS) * 1000))),
            ("content-length", str(len(body))),
        ):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        answer = self.rfile.read(int(self.headers.get("content-length") or 0))
        answered = time.monotonic()
        self.send_response(202)
        self.send_header("content-length", "0")
        self.end_headers()
        self.server.answers.put((answered, answer))

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), RuntimeApi)
        self.polled, self.events, self.answers = None, queue.Queue(), queue.Queue()

    def handle_error(self, *_):
        """Stays silent: the function is killed after its answer, which breaks its connection."""


class Function:
    """The process of a function, from its start to the end of the block. `before` runs in the
    process before its program, to set limits."""

    def __init__(self, program, environment, before=None):
        self.program, self.server = program, Server()
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        environment = {**environment, "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self.server.server_port}"}
        self.log = tempfile.TemporaryFile()
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            [program], env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self.log, preexec_fn=before
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.log.close()
        self.server.shutdown()
        self.server.server_close()

    def invoke(self, asked):
        """Sends an event. Returns the milliseconds to the answer, its status, and the text of its
        body."""
        began = time.monotonic()
        self.server.events.put(json.dumps(asked).encode())
        try:
            self.answered, raw = self.server.answers.get(timeout=ANSWER_SECONDS_MAX)
        except queue.Empty:
            self.log.seek(0)
            raise SystemExit(f"{self.program} did not answer:\n{self.log.read().decode()}") from None
        answer = json.loads(raw)
        return (self.answered - began) * 1000, answer.get("statusCode"), answer.get("body")

    def times(self):
        """The milliseconds from the start to the first poll, and to the latest answer."""
        return (self.server.polled - self.began) * 1000, (self.answered - self.began) * 1000

    def peak_kib(self):
        """The peak memory of the process."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))

    def connections(self):
        """The sockets that the process has now."""
        files = Path(f"/proc/{self.process.pid}/fd").iterdir()
        return {name for name in (str(file.readlink()) for file in files) if name.startswith("socket:")}

    def page_faults(self):
        """The pages that the process was given so far, without those read from a disk."""
        return int(Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()[7])

    def processor_ms(self):
        """The processor time of the process so far, over all threads."""
        # The file has nanoseconds. A tick of /proc/PID/stat would be half as long as a login.
        tasks = Path(f"/proc/{self.process.pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e6


@contextlib.contextmanager
def cloud(latchkey, moto_server):
    """The environment of a function on AWS, and an account for the event that logs in."""
    with tempfile.TemporaryDirectory() as folder, Running() as running:
        dynamodb = free_port()
        served = running.serve(latchkey, folder, "--dynamodb-port", str(dynamodb))
        account = urllib.request.Request(f"{served.origin}/create-account", LOGIN["body"].encode(), LOGIN["headers"])
        urllib.request.urlopen(account).close()
        secrets = running.moto(moto_server)
        wait_for(secrets)
        store_secret(secrets, "keys", Path(folder, "signing-keys.json"))
        store_secret(secrets, "firebase", Path(folder, "firebase-service-account.json"))
        yield {
            "AWS_ENDPOINT_URL_DYNAMODB": f"http://127.0.0.1:{dynamodb}",
            "AWS_ENDPOINT_URL_SECRETS_MANAGER": secrets,
            "AWS_REGION": REGION, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
            "TABLE_NAME": "latchkey", "SIGNING_KEYS_SECRET_ID": "keys", "FIREBASE_SERVICE_ACCOUNT_SECRET_ID": "firebase",
            "AWS_LAMBDA_FUNCTION_NAME": "login", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024", "AWS_LAMBDA_FUNCTION_VERSION": "1",
        }
