"""A proxy before `latchkey serve` that spoils one thing, as a gateway that is set up wrongly or a broken release would."""

import http.client
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


class Answer:
    """What the server said, to be spoilt; a spoiler may change each part."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self, change):
        """Changes the body as JSON."""
        value = json.loads(self.body)
        change(value)
        self.body = json.dumps(value).encode()

    def header(self, name, value):
        """Puts another value into the place of a header's; None leaves it out."""
        self.headers = [(each, was) for each, was in self.headers if each.lower() != name]
        if value is not None:
            self.headers.append((name, value))


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """A caller that is stopped, and a connection that is cut, are what is tested."""


class Proxy:
    """Hands on every request; `spoil(method, path, answer)` sees each answer, and `None` from it cuts the connection."""

    def __init__(self, origin, spoil):
        upstream = urlsplit(origin)
        proxy = self
        self.paths = []

        class Handler(BaseHTTPRequestHandler):
            def handle_any(self):
                length = int(self.headers.get("content-length") or 0)
                body = self.rfile.read(length) if length else None
                connection = http.client.HTTPConnection(upstream.hostname, upstream.port, timeout=30)
                headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
                connection.request(self.command, self.path, body, headers)
                got = connection.getresponse()
                answer = Answer(got.status, got.getheaders(), got.read())
                connection.close()
                proxy.paths.append(f"{self.command} {self.path}")
                if spoil(self.command, self.path, answer) is False:
                    return self.connection.close()
                self.send_response_only(answer.status)
                for name, value in answer.headers:
                    if name.lower() not in ("content-length", "connection", "transfer-encoding"):
                        self.send_header(name, value)
                self.send_header("content-length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = handle_any

            def log_message(self, *_):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
