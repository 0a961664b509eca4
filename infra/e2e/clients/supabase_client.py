"""Signs up, in and out with the client library of Supabase. Its arguments are the URL and two passwords."""

import sys

from supabase_auth import SyncGoTrueClient
from supabase_auth.errors import AuthApiError, AuthWeakPasswordError

ORIGIN, PASSWORD, NEXT_PASSWORD = sys.argv[1:]
EMAIL = "python@yopmail.com"


def client():
    """A client without a session."""
    return SyncGoTrueClient(url=f"{ORIGIN}/auth/v1", headers={"apikey": "any text"}, auto_refresh_token=False)


def refused(call, code, kind=AuthApiError):
    """Fails unless the call is refused with this code."""
    try:
        call()
    except kind as refusal:
        assert refusal.code == code, refusal.code
    else:
        raise AssertionError(f"no {code}")


auth = client()
first = auth.sign_up({"email": EMAIL, "password": PASSWORD, "options": {"data": {"full_name": "James"}}})
assert first.session and first.user.user_metadata["full_name"] == "James", first
refused(lambda: client().sign_up({"email": EMAIL, "password": PASSWORD}), "user_already_exists")
refused(lambda: client().sign_up({"email": "w@b.de", "password": "short"}), "weak_password", AuthWeakPasswordError)
refused(lambda: client().sign_in_with_password({"email": EMAIL, "password": "wrong"}), "invalid_credentials")
session = auth.sign_in_with_password({"email": EMAIL, "password": PASSWORD}).session
assert auth.get_user().user.email == EMAIL
assert auth.refresh_session().session.refresh_token != session.refresh_token
assert auth.update_user({"data": {"plan": "pro"}}).user.user_metadata["plan"] == "pro"
auth.update_user({"password": NEXT_PASSWORD, "current_password": PASSWORD})
assert auth.get_user().user.email == EMAIL
old = auth.get_session().refresh_token
auth.sign_out()
refused(lambda: client().refresh_session(old), "refresh_token_not_found")
print("done")
