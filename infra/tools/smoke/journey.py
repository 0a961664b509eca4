"""The steps of a run, in the order in which an app takes them; each is a sentence that must hold."""

from urllib.parse import urlsplit

from .account import Account, bearer, session_of
from .exchange import Client, Failure, exchange
from .tokens import read, verify

OVER_16_KIB = "a" * (17 * 1024)
METHODS = ("GET", "POST", "PATCH", "DELETE", "OPTIONS")


class Skipped(Exception):
    """A step that has nothing to go on with, as an earlier one failed or this address is not meant."""


class Journey:
    """What the steps tell each other."""

    def __init__(self, client: Client):
        self.client, self.account = client, Account(client)
        self.session = self.parent = None

    def steps(self):
        """Each step's name and what it does."""
        return (
            ("health", self.health),
            ("unencrypted HTTP is not served", self.no_plain_http),
            ("create-account", self.create),
            ("login", self.login),
            ("a wrong password is refused", self.wrong_password),
            ("refresh", self.refresh),
            ("a lost refresh is repeated", self.repeat_refresh),
            ("verify", self.verify),
            ("discovery and key set fit the token", self.documents),
            ("me", self.me),
            ("sessions", self.sessions),
            ("password change", self.change_password),
            ("logout", self.logout),
            ("refresh after logout is refused", self.refresh_after_logout),
            ("preflight", self.preflight),
            ("404 in the envelope", lambda: self.client.ask("GET", "/no-such-path").expect(404, "not_found")),
            ("405 in the envelope", lambda: self.client.ask("PUT", "/login").expect(405, "method_not_allowed")),
            ("413 in the envelope", self.too_large),
        )

    def live(self) -> dict:
        if self.session is None:
            raise Skipped("there is no session")
        return self.session

    def same_user(self, session: dict) -> dict:
        if session["uid"] != self.live()["uid"]:
            raise Failure("it is another user")
        return session

    def health(self):
        if self.client.ask("GET", "/health").expect(200).get("status") != "ok":
            raise Failure("its status is not ok")

    def no_plain_http(self):
        parts = urlsplit(self.client.url)
        if parts.scheme != "https":
            raise Skipped("the URL is unencrypted itself")
        try:
            status, *_ = exchange("GET", f"http://{parts.hostname}/health", None, {})
        except Failure:
            return
        if status < 300:
            raise Failure(f"http:// answered {status}")

    def create(self):
        self.session = self.account.create()

    def login(self):
        self.live()
        self.session = self.same_user(self.account.log_in())

    def wrong_password(self):
        self.live()
        wrong = {**self.account.credentials(), "password": "not the password of anybody"}
        self.client.ask("POST", "/login", wrong).expect(401, "invalid_credentials")

    def refresh(self):
        parent = self.live()["refresh_token"]
        self.session = self.same_user(session_of(self.client.ask("POST", "/refresh", {"refresh_token": parent}), 200))
        self.parent = parent
        if self.session["refresh_token"] == parent:
            raise Failure("the refresh token stayed the same")

    def repeat_refresh(self):
        if self.parent is None:
            raise Skipped("nothing was refreshed")
        again = session_of(self.client.ask("POST", "/refresh", {"refresh_token": self.parent}), 200)
        if again["refresh_token"] != self.live()["refresh_token"]:
            raise Failure("the same token was given another child")

    def verify(self):
        session = self.live()
        by_body = self.client.ask("POST", "/verify", {"token": session["access_token"]}).expect(200)
        by_header = self.client.ask("GET", "/verify?check_revoked=true", headers=bearer(session)).expect(200)
        for found in (by_body, by_header):
            if (found.get("valid"), found.get("kind"), found.get("uid")) != (True, "access_token", session["uid"]):
                raise Failure("it is not valid, or not this user's access token")

    def documents(self):
        token = self.live()["access_token"]
        issuer = read(token)[1].get("iss", "")
        found = self.client.ask("GET", "/.well-known/openid-configuration").expect(200)
        if found.get("issuer") != issuer:
            raise Failure(f"the token's iss is {issuer}, the discovery document's issuer {found.get('issuer')}")
        if found.get("jwks_uri") != f"{issuer}/.well-known/jwks.json":
            raise Failure(f"jwks_uri is {found.get('jwks_uri')}, not under {issuer}")
        # As a verifier does: from the issuer's own address, wherever that is; and from this one.
        for address in (found["jwks_uri"], "/.well-known/jwks.json"):
            verify(token, self.client.ask("GET", address).expect(200).get("keys", []))

    def me(self):
        user = self.client.ask("GET", "/me", headers=bearer(self.live())).expect(200).get("user", {})
        if (user.get("id"), user.get("email")) != (self.session["uid"], self.account.email):
            raise Failure("it is another user")

    def sessions(self):
        listed = self.client.ask("GET", "/me/sessions", headers=bearer(self.live())).expect(200).get("sessions", [])
        if sum(each.get("current") is True for each in listed) != 1:
            raise Failure(f"not one of {len(listed)} sessions is the current one")

    def change_password(self):
        before, account = self.live(), self.account
        change = {"current_password": account.password, "new_password": account.next_password}
        answer = self.client.ask("POST", "/me/password", change, bearer(before))
        self.session = self.same_user(session_of(answer, 200))
        account.password, account.next_password = account.next_password, account.password
        self.client.ask("POST", "/refresh", {"refresh_token": before["refresh_token"]}).expect(401)
        self.session = self.same_user(account.log_in())

    def logout(self):
        done = self.client.ask("POST", "/logout", {"refresh_token": self.live()["refresh_token"]}).expect(200)
        if (done.get("logged_out"), done.get("sessions_ended")) != (True, 1):
            raise Failure("no session ended")

    def refresh_after_logout(self):
        self.client.ask("POST", "/refresh", {"refresh_token": self.live()["refresh_token"]}).expect(401)

    def preflight(self):
        asked = {"access-control-request-method": "POST", "access-control-request-headers": "authorization,content-type"}
        answer = self.client.ask("OPTIONS", "/login", headers=asked)
        if answer.status not in (200, 204):
            raise Failure(f"it answered {answer.status}")
        methods = [each.strip() for each in answer.headers.get("access-control-allow-methods", "").split(",")]
        if sorted(methods) != sorted(METHODS):
            raise Failure(f"access-control-allow-methods is {', '.join(methods)}: each of {', '.join(METHODS)} belongs there once")
        if answer.headers.get("access-control-max-age") != "86400":
            raise Failure("access-control-max-age is not 86400, so that another layer than the functions answered")

    def too_large(self):
        self.client.ask("POST", "/login", {"email": OVER_16_KIB, "password": "x"}).expect(413)
