"""The surroundings of an instance of Cloud Run, in a network of the test's own: a name server, the
metadata server, and AWS."""

import contextlib
import fcntl
import socket
import struct
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from servers import Running, store_secret, wait_for

LOOPBACK = "127.0.0.1"
DYNAMODB_PORT = 8000
METADATA_HOST = "metadata.google.internal"
IDENTITY = "/computeMetadata/v1/instance/service-accounts/default/identity?audience=sts.amazonaws.com&format=full"
TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxMDUifQ.c2lnbmF0dXJl"
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1


def raise_loopback():
    """Starts the loopback interface, which is down in a new network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sH14x", b"lo", 0)
        flags = struct.unpack("16sH14x", fcntl.ioctl(any_socket, SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags | IFF_UP))


def answer_names():
    """Starts a name server that knows only the metadata server (RFC 1035 section 4)."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((LOOPBACK, 53))

    def serve():
        while True:
            query, client = server.recvfrom(512)
            end = query.index(0, 12)
            labels, at = [], 12
            while at < end:
                labels.append(query[at + 1: at + 1 + query[at]].decode())
                at += 1 + query[at]
            question, kind = query[12: end + 5], query[end + 1: end + 3]
            known = ".".join(labels).lower() == METADATA_HOST
            address = known and kind == b"\x00\x01"
            head = query[:2] + (b"\x81\x80" if known else b"\x81\x83") + struct.pack("!4H", 1, int(address), 0, 0)
            record = b"\xc0\x0c\x00\x01\x00\x01" + struct.pack("!IH", 60, 4) + socket.inet_aton(LOOPBACK)
            server.sendto(head + question + (record if address else b""), client)

    threading.Thread(target=serve, daemon=True).start()


class Metadata(BaseHTTPRequestHandler):
    """Google's metadata server, of which only the identity token is imitated."""

    tokens = 0

    def do_GET(self):
        right = self.path == IDENTITY and self.headers.get("Metadata-Flavor") == "Google"
        Metadata.tokens += right
        body = TOKEN.encode() if right else b"<html>"
        self.send_response(200 if right else 403)
        self.send_header("Metadata-Flavor", "Google")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def clouds(program, moto_server, folder, region):
    """Starts everything. Gives the service account of Firebase, the id of the signing keys' secret, and
    the variables that lead to these servers."""
    raise_loopback()
    answer_names()
    metadata = ThreadingHTTPServer((LOOPBACK, 80), Metadata)
    threading.Thread(target=metadata.serve_forever, daemon=True).start()
    with Running() as running:
        aws = running.moto(moto_server)
        running.serve(program, folder, "--dynamodb-port", DYNAMODB_PORT, env={})
        wait_for(aws)
        keys = store_secret(aws, "latchkey/signing-keys", folder / "signing-keys.json", region)
        yield (folder / "firebase-service-account.json").read_text(), keys, {
            "AWS_ENDPOINT_URL_DYNAMODB": f"http://{LOOPBACK}:{DYNAMODB_PORT}",
            "AWS_ENDPOINT_URL_SECRETS_MANAGER": aws,
            "AWS_ENDPOINT_URL_STS": aws,
        }
