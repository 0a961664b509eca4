"""Signs and verifies with PyJWT. Reads JSON objects, one a line, and answers each with another."""

import json
import sys

import jwt


def answer(secret, claims=None, algorithm=None, token=None, audience=None):
    if claims is not None:
        return {"token": jwt.encode(claims, secret, algorithm=algorithm)}
    try:
        return {"claims": jwt.decode(token, secret, algorithms=["HS256"], audience=audience)}
    except jwt.InvalidTokenError as refusal:
        return {"refusal": type(refusal).__name__}


for line in sys.stdin:
    print(json.dumps(answer(**json.loads(line))), flush=True)
