"""Logs in with Authlib, refreshes, reads the account and revokes. Reads its settings from the first argument."""

import json
import sys
import time

from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.httpx_client import OAuth2Client

told = json.loads(sys.argv[1])
ORIGIN, KEY = told["origin"], told["api_key"]
TOKEN, USERINFO, REVOKE = (f"{ORIGIN}/oauth/{name}" for name in ("token", "userinfo", "revoke"))


def walk(secret, method):
    """The life of a session, as a client with this secret."""
    client = OAuth2Client(
        "an app", secret, token_endpoint=TOKEN, token_endpoint_auth_method=method, revocation_endpoint_auth_method="none"
    )
    first = client.fetch_token(TOKEN, grant_type="password", username=told["email"], password=told["password"])
    assert first["token_type"] == "Bearer" and first["expires_in"] == 3600, first
    assert client.get(USERINFO).json()["sub"] == told["uid"]
    # The client believes that its token has expired, and refreshes before the next call.
    client.token = {**first, "expires_at": int(time.time()) - 1}
    assert client.get(USERINFO).json()["email"] == told["email"]
    second = client.token
    assert second["refresh_token"] != first["refresh_token"], second
    assert client.revoke_token(REVOKE, second["refresh_token"]).status_code == 200
    assert client.get(USERINFO).status_code == 401
    refused(lambda: client.refresh_token(TOKEN, second["refresh_token"]), "invalid_grant")


def refused(call, error):
    """Fails unless the call is refused with this word of the standard."""
    try:
        call()
    except OAuthError as refusal:
        assert refusal.error == error, refusal
    else:
        raise AssertionError(f"no {error}")


for client in [("", "none"), (KEY, "client_secret_basic"), (KEY, "client_secret_post")]:
    walk(*client)
stranger = OAuth2Client("an app", "wrong", token_endpoint_auth_method="client_secret_post")
credentials = {"username": told["email"], "password": told["password"]}
refused(lambda: stranger.fetch_token(TOKEN, grant_type="password", **credentials), "invalid_client")
public = OAuth2Client("an app", token_endpoint_auth_method="none")
refused(lambda: public.fetch_token(TOKEN, grant_type="password", username="nobody@b.de", password="x"), "invalid_grant")
refused(lambda: public.fetch_token(TOKEN, grant_type="client_credentials"), "unsupported_grant_type")
print("done")
