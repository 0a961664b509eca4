"""`make smoke`, against `latchkey serve` and a proxy that spoils one thing at a time."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from servers import Running

from .aws import ROOT
from .spoiling import Proxy

LATCHKEY = os.environ.get("LATCHKEY_BIN", str(ROOT / "target/debug/latchkey"))


def at(path, change, method="POST"):
    """A spoiler of the answers at one path."""
    return lambda asked, where, answer: change(answer) if (asked, where.split("?")[0]) == (method, path) else None


def everywhere(change):
    return lambda _, __, answer: change(answer)


def status(number):
    return lambda answer: setattr(answer, "status", number)


def replaced(name, value):
    return lambda answer: answer.header(name, value)


def member(name, value):
    return lambda answer: answer.json(lambda body: body.__setitem__(name, value))


def doubled_cors(answer):
    answer.headers.append(("access-control-allow-origin", "*"))


def nth(number, change):
    """A change of only the nth answer that it sees."""
    seen = iter(range(1, 1000))
    return lambda answer: change(answer) if next(seen) == number else None


def foreign_keys(answer):
    answer.json(lambda body: [key.__setitem__("kid", "another") for key in body["keys"]])


def forged_keys(answer):
    answer.json(lambda body: [key.__setitem__("n", key["n"][:-8] + "AAAAAAAA") for key in body["keys"]])


def html(answer):
    answer.header("content-type", "text/html")
    answer.body = b"<h1>Not Found</h1>"


# What is spoilt, how, the step that must fail, and what is said of it.
SPOILT = (
    ("the charset is lost", everywhere(replaced("content-type", "application/json")), "health", "charset=utf-8"),
    ("two layers own CORS", everywhere(doubled_cors), "preflight", "is there twice"),
    ("two layers own CORS, and the gateway joins them", everywhere(replaced("access-control-allow-origin", "*, *")), "health",
     "two layers write it"),
    ("CORS is lost", at("/refresh", replaced("access-control-allow-origin", None)), "refresh", "CORS_ALLOWED_ORIGINS"),
    ("cookies are allowed", everywhere(replaced("access-control-allow-credentials", "true")), "health", "no cookie is used"),
    ("answers may be cached", at("/login", replaced("cache-control", "public")), "login", "not no-store"),
    ("the request id is another", at("/me", replaced("x-request-id", "mine"), "GET"), "me", "not what was sent"),
    ("refresh fails", at("/refresh", status(500)), "refresh", "it answered 500"),
    ("the created account is not answered", at("/create-account", lambda _: False), "create-account", "no answer"),
    ("the session object is not complete", at("/create-account", lambda answer: answer.json(lambda body: body.pop("token"))),
     "create-account", "no token"),
    ("another refresh token is given each time", at("/refresh", nth(2, member("refresh_token", "A" * 43))),
     "a lost refresh is repeated", "another child"),
    ("a wrong password is let in", at("/login", nth(2, status(200))), "a wrong password is refused", "not 401"),
    ("an unknown address is told from a wrong password", at("/login", nth(2, member("code", "wrong_password"))),
     "a wrong password is refused", "wrong_password and not 401 invalid_credentials"),
    ("an invalid token is called valid", at("/verify", member("valid", False)), "verify", "not valid"),
    ("the issuer is another", at("/.well-known/openid-configuration", member("issuer", "https://other.example"), "GET"),
     "discovery and key set fit the token", "https://other.example"),
    ("the key set is another's", at("/.well-known/jwks.json", foreign_keys, "GET"), "discovery and key set fit the token",
     "not in the key set"),
    ("the key is another", at("/.well-known/jwks.json", forged_keys, "GET"), "discovery and key set fit the token",
     "not by the key"),
    ("nobody is logged in where", at("/me/sessions", member("sessions", []), "GET"), "sessions", "not one of 0"),
    ("a changed password ends no session", at("/refresh", nth(3, status(200))), "password change", "it answered 200"),
    ("a logout ends nothing", at("/logout", member("sessions_ended", 0)), "logout", "no session ended"),
    ("a session outlives its logout", at("/refresh", nth(4, status(200))), "refresh after logout is refused", "it answered 200"),
    ("the gateway answers preflights", at("/login", replaced("access-control-max-age", "0"), "OPTIONS"), "preflight", "86400"),
    ("a preflight names a method twice", at("/login", replaced("access-control-allow-methods", "GET,GET"), "OPTIONS"),
     "preflight", "GET, GET"),
    ("an unknown path is the gateway's page", at("/no-such-path", html, "GET"), "404 in the envelope", "text/html"),
    ("a method is not known to the gateway", at("/login", status(404), "PUT"), "405 in the envelope", "405"),
    ("a body over the limit has another error", at("/login", nth(4, status(400))), "413 in the envelope", "400"),
)


class Smoke(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        running = Running()
        cls.addClassCleanup(running.close)
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        environment = {"PATH": os.environ["PATH"], "HOME": folder.name}
        # Each run makes an account, which is more than the limits give one address in so short a time.
        cls.serving = running.serve(LATCHKEY, folder.name, env={**environment, "RATE_LIMITS": "off"})
        cls.environment = {**environment, "PYTHONPATH": str(ROOT / "infra/tools"), "PYTHONUNBUFFERED": "1"}

    def smoke(self, url, *arguments):
        return subprocess.run(
            [sys.executable, "-m", "smoke", url, *arguments], env=self.environment, capture_output=True, text=True, timeout=120
        )

    def assert_gone(self, output):
        """That the account of a run, which its first line names, is not there."""
        email = re.search(r"smoke-\S+@latchkey-smoke\.example", output)[0]
        command = [LATCHKEY, "users", "--data-dir", str(self.serving.data), "show", email]
        shown = subprocess.run(command, env=self.environment, capture_output=True, text=True)
        self.assertEqual(shown.returncode, 1, shown.stdout + shown.stderr)

    def test_an_api_that_does_what_it_should_passes_and_no_account_is_left(self):
        done = self.smoke(self.serving.origin)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("the account is gone", done.stdout)
        self.assertRegex(done.stdout, r"ok +\d+ ms  login\n")
        self.assert_gone(done.stdout)

    def test_a_proxy_that_spoils_nothing_passes_too(self):
        with Proxy(self.serving.origin, lambda *_: None) as proxy:
            done = self.smoke(proxy.url + "/")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_whatever_is_spoilt_is_named_and_the_account_goes_all_the_same(self):
        for what, spoil, step, words in SPOILT:
            with self.subTest(what), Proxy(self.serving.origin, spoil) as proxy:
                done = self.smoke(proxy.url)
                self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
                self.assertEqual(done.stderr, "")
                line = next(line for line in done.stdout.splitlines() if f"  {step}" in line)
                self.assertIn("FAILED", line)
                self.assertIn(words, line)
                self.assert_gone(done.stdout)

    def test_an_account_that_stays_is_a_failure_that_names_it(self):
        with Proxy(self.serving.origin, at("/me", status(503), "DELETE")) as proxy:
            done = self.smoke(proxy.url)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertRegex(done.stdout, r"Delete smoke-\S+ by latchkey users delete")

    def test_a_run_that_is_stopped_deletes_its_account(self):
        with Proxy(self.serving.origin, at("/verify", lambda _: time.sleep(3))) as proxy:
            run = subprocess.Popen(
                [sys.executable, "-m", "smoke", proxy.url], env=self.environment, stdout=subprocess.PIPE, text=True
            )
            with contextlib.closing(run.stdout):
                lines = []
                for line in run.stdout:
                    lines.append(line)
                    if "a lost refresh is repeated" in line:
                        run.send_signal(signal.SIGTERM)
                run.wait()
        self.assertEqual(run.returncode, 143, lines)
        self.assertIn("the account is deleted", lines[-1])
        self.assert_gone(lines[0])

    def test_nothing_that_answers_and_no_url_are_sentences(self):
        done = self.smoke("http://127.0.0.1:9")
        self.assertEqual((done.returncode, done.stderr), (1, ""))
        self.assertIn("no answer from http://127.0.0.1:9/health", done.stdout)
        self.assertEqual(self.smoke("login.example").returncode, 2)


if __name__ == "__main__":
    unittest.main()
