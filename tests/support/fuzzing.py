"""Schemathesis hooks: who asks. Loaded by `st` by name (SCHEMATHESIS_HOOKS); the server is in its environment."""

import json
import os
from typing import Any

import httpx2
import schemathesis

from tocsin import strict_json


@schemathesis.auth(refresh_interval=300)
class Owner:
    """A user's token: it outlives the API keys that are rotated on the way, and no throttle of logins holds it up."""

    def __init__(self) -> None:
        self._refresh_token = os.environ["FUZZ_REFRESH_TOKEN"]

    def get(self, _case: Any, _context: Any) -> str:
        address = f"{os.environ['FUZZ_URL']}/api/v1/auth/refresh"
        answer = httpx2.post(address, json={"refreshToken": self._refresh_token}, timeout=30, trust_env=False)
        session = answer.json()["data"]
        self._refresh_token = session["refreshToken"]
        token: str = session["token"]
        return token

    def set(self, case: Any, data: str, _context: Any) -> None:
        case.headers = {**(case.headers or {}), "Authorization": f"Bearer {data}"}


@schemathesis.hook
def filter_body(_context: Any, body: Any) -> bool:
    """What JSON Schema cannot say of any body: numbers fit in 64 bits, texts hold no NUL and no half of a pair."""
    try:
        strict_json.parse(json.dumps(body).encode())
    except (TypeError, ValueError):
        return False
    return True
