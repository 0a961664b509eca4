"""An access token before the documents that others verify it with, by the standard library alone."""

import base64
import hashlib
import hmac
import json

from .exchange import Failure

# DigestInfo of SHA-256, RFC 8017 section 9.2 note 1.
SHA256_PREFIX = bytes.fromhex("3031300d060960864801650304020105000420")


def decode(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def read(token: str) -> tuple[dict, dict]:
    """Header and claims of a token."""
    try:
        header, claims, _ = token.split(".")
        return json.loads(decode(header)), json.loads(decode(claims))
    except ValueError as error:
        raise Failure("the access token is no JWT") from error


def verify(token: str, keys: list[dict]) -> None:
    """Verifies an RS256 token (RFC 7518 section 3.3) by the key that its `kid` names.

    Raises `Failure` where that is not among the keys or did not sign it.
    """
    header, _ = read(token)
    key = next((each for each in keys if each.get("kid") == header.get("kid")), None)
    if header.get("alg") != "RS256":
        raise Failure(f"the access token is signed by {header.get('alg')}, not RS256")
    if key is None:
        raise Failure("the key that signed the access token is not in the key set")
    if any(member in key for member in ("d", "p", "q", "k")):
        raise Failure("the key set shows a private key")
    signed, _, signature = token.rpartition(".")
    modulus, exponent = (int.from_bytes(decode(key[name])) for name in ("n", "e"))
    size = (modulus.bit_length() + 7) // 8
    found = pow(int.from_bytes(decode(signature)), exponent, modulus).to_bytes(size)
    digest = SHA256_PREFIX + hashlib.sha256(signed.encode()).digest()
    expected = b"\0\1" + b"\xff" * (size - len(digest) - 3) + b"\0" + digest
    if not hmac.compare_digest(found, expected):
        raise Failure("the access token's signature is not by the key in the key set")
