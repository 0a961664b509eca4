"""One request and its answer, which is held to the contract whatever it says."""

import http.client
import json
import time
import urllib.parse
import uuid
from dataclasses import dataclass

# Longer than any function has.
TIMEOUT_SECONDS = 30
ONCE = (
    "access-control-allow-origin", "access-control-expose-headers", "access-control-allow-methods",
    "access-control-allow-headers", "access-control-max-age", "cache-control", "content-type", "x-request-id",
)


class Failure(Exception):
    """What is wrong, in a sentence."""


@dataclass(frozen=True)
class Answer:
    """An answer whose body is a JSON object, or nothing at a preflight."""

    status: int
    headers: dict[str, str]
    body: dict
    milliseconds: float

    def expect(self, status: int, code: str = "") -> dict:
        """The body, of an answer with this status and, of an error, this code.

        Raises `Failure` for another.
        """
        said = self.body.get("code", "")
        if self.status != status or (code and said != code):
            wanted = f"{status} {code}".strip()
            raise Failure(f"it answered {self.status} {said}".strip() + f" and not {wanted}")
        return self.body


class Client:
    """Asks one API; keeps how long each answer took."""

    def __init__(self, url: str, origin: str):
        self.url, self.origin, self.times = url.rstrip("/"), origin, []

    def ask(self, method: str, path: str, value: object = None, headers: dict | None = None) -> Answer:
        """One exchange.

        Raises `Failure` where there is no answer, or one that breaks the contract.
        """
        identifier = f"smoke-{uuid.uuid4()}"
        sent = {"origin": self.origin, "x-request-id": identifier, "user-agent": "latchkey-smoke", **(headers or {})}
        raw = None
        if value is not None:
            raw, sent["content-type"] = json.dumps(value).encode(), "application/json"
        # The path may be a whole URL, as documents name them.
        url = path if "://" in path else self.url + path
        status, pairs, text, took = exchange(method, url, raw, sent)
        self.times.append(took)
        try:
            headers = hold_headers(pairs)
            body = hold(method, url, status, headers, text, identifier)
        except Failure as failure:
            raise Failure(f"it answered {status}, and {failure}") from None
        return Answer(status, headers, body, took)

    def plainly(self, method: str, path: str, value: object, headers: dict | None = None) -> tuple[int, dict]:
        """Status and body of an answer that is held to nothing; no body but an object counts.

        Raises `Failure` where there is no answer.
        """
        sent = {"content-type": "application/json", "user-agent": "latchkey-smoke", **(headers or {})}
        status, _, text, _ = exchange(method, self.url + path, json.dumps(value).encode(), sent)
        try:
            body = json.loads(text)
        except ValueError:
            body = None
        return status, body if isinstance(body, dict) else {}


def exchange(method, url, body, headers):
    parts = urllib.parse.urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname, parts.port, timeout=TIMEOUT_SECONDS)
    began = time.monotonic()
    try:
        connection.request(method, (parts.path or "/") + (f"?{parts.query}" if parts.query else ""), body, headers)
        answer = connection.getresponse()
        text = answer.read()
        return answer.status, answer.getheaders(), text, (time.monotonic() - began) * 1000
    except (OSError, http.client.HTTPException) as error:
        raise Failure(f"no answer from {url}: {error or type(error).__name__}") from error
    finally:
        connection.close()


def hold_headers(pairs) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in pairs:
        name = name.lower()
        if name in found and name in ONCE:
            raise Failure(f"the header {name} is there twice, so that two layers write it")
        found[name] = value
    return found


def hold(method, url, status, headers, text, identifier) -> dict:
    if method != "OPTIONS" and headers.get("content-type") != "application/json; charset=utf-8":
        raise Failure(f"the content-type is {headers.get('content-type', 'missing')}, not application/json; charset=utf-8")
    hold_cors(headers)
    cached = "/.well-known/" in url and status == 200
    if not cached and headers.get("cache-control") != "no-store":
        raise Failure(f"cache-control is {headers.get('cache-control', 'missing')}, not no-store")
    if headers.get("x-request-id") != identifier:
        raise Failure(f"x-request-id is {headers.get('x-request-id', 'missing')}, not what was sent")
    if method == "OPTIONS":
        return {}
    try:
        body = json.loads(text)
    except ValueError:
        raise Failure("the body is no JSON") from None
    if not isinstance(body, dict):
        raise Failure("the body is no JSON object")
    if status >= 400:
        hold_error(status, body, identifier)
    return body


def hold_cors(headers) -> None:
    allowed = headers.get("access-control-allow-origin")
    if allowed is None:
        raise Failure("no access-control-allow-origin: name one of CORS_ALLOWED_ORIGINS by ORIGIN=, if it is a list")
    # A gateway may join two of them with a comma.
    if "," in allowed:
        raise Failure(f"access-control-allow-origin is {allowed}: two layers write it")
    if "access-control-allow-credentials" in headers:
        raise Failure("access-control-allow-credentials is there, and no cookie is used")


def hold_error(status, body, identifier) -> None:
    for name in ("type", "title", "detail", "message", "code", "request_id"):
        if not isinstance(body.get(name), str):
            raise Failure(f"the error has no {name}")
    if body.get("status") != status or body["request_id"] != identifier or not isinstance(body.get("fields"), list):
        raise Failure("the error's status, request_id or fields are not the answer's")
