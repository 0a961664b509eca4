"""Size, start and memory of functions, side by side: `make start`.

Stands in for Lambda's runtime API (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html): starts a function, hands it
one event, and takes the time from the start of the process to its first poll and to its first answer. Each function is started
many times, the functions in turn, so that a noisy machine is as noisy for all of them. Its DynamoDB is that of `latchkey serve`,
its Secrets Manager is moto's.
"""

import contextlib
import json
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

STARTS = 40
ANSWER_SECONDS_MAX = 20


def event(method, path, body):
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


LOGIN = event("POST", "/login", json.dumps({"email": "try@example.com", "password": "correct horse battery"}))
# What each function is asked first, by its name; all others log in.
EVENTS = {"well-known": event("GET", "/.well-known/jwks.json", "")}


class RuntimeApi(BaseHTTPRequestHandler):
    """One event for each start; the poll after the answer waits for ever."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        run = self.server.run
        if run["polled"] is None:
            run["polled"] = time.monotonic()
            body = json.dumps(EVENTS.get(run["name"], LOGIN)).encode()
            self.send_response(200)
            for name, value in (
                ("lambda-runtime-aws-request-id", "r"),
                ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:us-east-1:1:function:login"),
                ("lambda-runtime-deadline-ms", str(int(time.time() * 1000) + 10_000)),
                ("content-length", str(len(body))),
            ):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
        else:
            run["over"].wait()

    def do_POST(self):
        run = self.server.run
        answer = self.rfile.read(int(self.headers.get("content-length") or 0))
        run["answered"], run["answer"] = time.monotonic(), answer
        self.send_response(202)
        self.send_header("content-length", "0")
        self.end_headers()
        run["done"].set()

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """The function is killed once it has answered, and its connection with it."""


def start(program, environment, server):
    """One start: milliseconds to the first poll and to the first answer, peak memory in KiB, the answer's status."""
    run = server.run = {"name": Path(program).name, "polled": None, "done": threading.Event(), "over": threading.Event()}
    began = time.monotonic()
    process = subprocess.Popen([program], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    if not run["done"].wait(ANSWER_SECONDS_MAX):
        process.kill()
        raise SystemExit(f"{program} did not answer:\n{process.stderr.read().decode()}")
    status_file = Path(f"/proc/{process.pid}/status").read_text()
    peak = next(int(line.split()[1]) for line in status_file.splitlines() if line.startswith("VmHWM"))
    process.kill()
    process.communicate()
    run["over"].set()
    status = json.loads(run["answer"]).get("statusCode")
    return (run["polled"] - began) * 1000, (run["answered"] - began) * 1000, peak, status


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def store_secret(url, name, file):
    request = urllib.request.Request(url, json.dumps({"Name": name, "SecretString": file.read_text()}).encode(), {
        "content-type": "application/x-amz-json-1.1",
        "x-amz-target": "secretsmanager.CreateSecret",
        # moto reads the region here, and verifies nothing.
        "authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/secretsmanager/aws4_request",
    })
    for _ in range(200):
        with contextlib.suppress(OSError):
            return urllib.request.urlopen(request).close()
        time.sleep(0.1)
    raise SystemExit(f"no Secrets Manager at {url}")


@contextlib.contextmanager
def cloud(latchkey, moto_server):
    """The environment of a function on AWS, with an account for the event to log in to."""
    dynamodb, secrets = free_port(), free_port()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as running:
        def run(*command, **options):
            process = subprocess.Popen(command, stderr=subprocess.DEVNULL, **options)
            running.callback(process.wait)
            running.callback(process.terminate)
            return process

        serve = run(latchkey, "serve", "--port", "0", "--data-dir", folder, "--dynamodb-port", str(dynamodb), stdout=subprocess.PIPE)
        base = serve.stdout.readline().decode().split(" ")[3]
        account = urllib.request.Request(f"{base}/create-account", LOGIN["body"].encode(), LOGIN["headers"])
        urllib.request.urlopen(account).close()
        run(moto_server, "-H", "127.0.0.1", "-p", str(secrets), stdout=subprocess.DEVNULL)
        store_secret(f"http://127.0.0.1:{secrets}/", "keys", Path(folder, "signing-keys.json"))
        store_secret(f"http://127.0.0.1:{secrets}/", "firebase", Path(folder, "firebase-service-account.json"))
        yield {
            "AWS_ENDPOINT_URL_DYNAMODB": f"http://127.0.0.1:{dynamodb}",
            "AWS_ENDPOINT_URL_SECRETS_MANAGER": f"http://127.0.0.1:{secrets}",
            "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
            "TABLE_NAME": "latchkey", "SIGNING_KEYS_SECRET_ID": "keys", "FIREBASE_SERVICE_ACCOUNT_SECRET_ID": "firebase",
        }


def main(latchkey, moto_server, programs):
    server = Server(("127.0.0.1", 0), RuntimeApi)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    figures = {program: [] for program in programs}
    with cloud(latchkey, moto_server) as environment:
        environment |= {
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{server.server_port}",
            "AWS_LAMBDA_FUNCTION_NAME": "login", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024", "AWS_LAMBDA_FUNCTION_VERSION": "1",
        }
        for _ in range(STARTS):
            for program in programs:
                figures[program].append(start(program, environment, server))
    print(f"{'':14} {'bytes':>11} {'first poll ms':>14} {'first answer ms':>16} {'peak MiB':>9}  status")
    for program, starts in figures.items():
        polls, answers, peaks, statuses = zip(*starts)
        middle = [statistics.median(figure) for figure in (polls, answers, peaks)]
        name, size = Path(program).name, Path(program).stat().st_size
        print(f"{name:14} {size:11,} {middle[0]:14.1f} {middle[1]:16.1f} {middle[2] / 1024:9.1f}  {sorted(set(statuses))}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
