"""The one account of a run: made, used, and deleted however the run ends."""

import secrets
import uuid

from .exchange import Answer, Client, Failure

MEMBERS = {
    "user": dict, "uid": str, "token_type": str, "expires_in": int, "expires_at": str, "jwt_token": str, "token": str,
    "access_token": str, "refresh_token": str, "refresh_expires_at": str,
}


def session_of(answer: Answer, status: int) -> dict:
    """The session object of an answer.

    Raises `Failure` where it is none, or not complete.
    """
    session = answer.expect(status)
    for name, kind in MEMBERS.items():
        if not isinstance(session.get(name), kind):
            raise Failure(f"the session object has no {name}")
    if session["user"].get("id") != session["uid"]:
        raise Failure("uid is not the user's id")
    return session


def bearer(session: dict) -> dict:
    return {"authorization": f"Bearer {session['access_token']}"}


class Account:
    """An address that nobody has, and its passwords: the first and the one that it is changed to."""

    def __init__(self, client: Client):
        self.client = client
        self.email = f"smoke-{uuid.uuid4()}@latchkey-smoke.example"
        # Of the form that every rule for passwords takes, however long it wants them.
        self.password, self.next_password = (f"smoke {secrets.token_urlsafe(24)}" for _ in range(2))
        self.asked = False

    def create(self) -> dict:
        self.asked = True
        return session_of(self.client.ask("POST", "/create-account", {**self.credentials(), "name": "Smoke"}), 201)

    def credentials(self) -> dict:
        return {"email": self.email, "password": self.password}

    def log_in(self) -> dict:
        return session_of(self.client.ask("POST", "/login", self.credentials()), 200)

    def delete(self) -> None:
        """Deletes it; also where an answer was lost, so that neither its password nor its existence is sure.

        Raises `Failure` where it may still be there.
        """
        why = None
        for password in (self.password, self.next_password):
            try:
                if self.delete_knowing(password):
                    return
            except Failure as failure:
                why = failure
        if why:
            raise why

    def delete_knowing(self, password: str) -> bool:
        # Not held to the contract: whatever is wrong with this API, the account must go.
        status, body = self.client.plainly("POST", "/login", {"email": self.email, "password": password})
        if status == 401:
            return False
        if status != 200 or "access_token" not in body:
            raise Failure(f"the login to delete it answered {status}")
        status, body = self.client.plainly("DELETE", "/me", {"password": password}, bearer(body))
        if status != 200 or body.get("deleted") is not True:
            raise Failure(f"its deletion answered {status}")
        return True
