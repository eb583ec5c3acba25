"""Bearer tokens: which the double takes, for what, and how a service account gets one."""

from __future__ import annotations

import functools
import itertools
import json
import urllib.parse
from collections.abc import Iterable
from pathlib import Path

import google.auth.exceptions
import google.auth.jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.doubles.clouddns.errors import GoogleError

DNS_SCOPE = "https://www.googleapis.com/auth/ndev.clouddns.readwrite"
DNS_READ_SCOPE = "https://www.googleapis.com/auth/ndev.clouddns.readonly"
CLOUD_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_AUDIENCE = "https://oauth2.googleapis.com/token"  # that google-auth signs for, whatever the URL
_LIFETIME = 3600  # s, as Google's tokens have
_EMAIL = "pusher@double.iam.gserviceaccount.example"


class NoTokenError(Exception):
    """A token that is not given; the reply is OAuth's (RFC 6749 §5.2), not Google's."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(error)
        self.error = error
        self.body = json.dumps({"error": error, "error_description": description}).encode()


class Tokens:
    """The tokens of the project's accounts."""

    def __init__(self, token_uri: str) -> None:
        self._uri = token_uri
        self._serial = itertools.count(1)
        self._scopes: dict[str, frozenset[str]] = {}

    def issue(self, scopes: Iterable[str]) -> str:
        """Return a new token that is good for *scopes*."""
        token = f"ya29.double-{next(self._serial)}"
        self._scopes[token] = frozenset(scopes)
        return token

    def revoke_all(self) -> None:
        """Let every token given out so far expire."""
        self._scopes.clear()

    def check(self, header: str, scopes: Iterable[str]) -> None:
        """Refuse a request without a good token (401), or with one of other scopes (403)."""
        kind, _, token = header.partition(" ")
        if kind != "Bearer" or token not in self._scopes:
            raise GoogleError(401, "authError", "Request had invalid authentication credentials.")
        if not self._scopes[token] & set(scopes):
            raise GoogleError(
                403,
                "insufficientPermissions",
                "Request had insufficient authentication scopes.",
            )

    def exchange(self, body: bytes) -> dict[str, object]:
        """Answer a service account's request for a token (RFC 7523)."""
        form = dict(urllib.parse.parse_qsl(body.decode()))
        if form.get("grant_type") != _GRANT:
            raise NoTokenError("unsupported_grant_type", "only service accounts here")
        try:
            claims = google.auth.jwt.decode(
                form.get("assertion", ""), certs=_public_key(), audience=_AUDIENCE
            )
        except (ValueError, google.auth.exceptions.GoogleAuthError) as error:
            raise NoTokenError("invalid_grant", str(error)) from None
        if claims.get("iss") != _EMAIL:
            raise NoTokenError("invalid_grant", "Invalid grant: account not found")
        return {
            "access_token": self.issue(claims.get("scope", "").split()),
            "expires_in": _LIFETIME,
            "token_type": "Bearer",
        }

    def write_account(self, path: Path) -> None:
        """Write the key file of a service account whose tokens come from the double."""
        account = {
            "type": "service_account",
            "project_id": "double",
            "private_key_id": "1",
            "private_key": _private_key(),
            "client_email": _EMAIL,
            "client_id": "1",
            "token_uri": self._uri,
        }
        path.write_text(json.dumps(account), encoding="utf-8")


@functools.cache
def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65_537, key_size=2048)


def _private_key() -> str:
    pem = _key().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return pem.decode()


def _public_key() -> bytes:
    return (
        _key()
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
