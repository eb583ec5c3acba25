"""Tokens for Google's APIs: google-auth finds the credentials, and refreshes them in a thread.

google-auth is an extra. Without it, or without credentials, there is no token, and serving goes on.
"""

from __future__ import annotations

import asyncio
from typing import Any

from gslb.push.pace import Transient
from gslb.push.provider import Unavailable

SCOPES = (
    "https://www.googleapis.com/auth/ndev.clouddns.readwrite",
    "https://www.googleapis.com/auth/cloud-platform",  # health checks of compute
)
NO_CREDENTIALS = (
    "no usable credentials: google-auth looks for GOOGLE_APPLICATION_CREDENTIALS in the environment,"
    " those of gcloud auth application-default login, and the machine's service account"
)


class Tokens:
    """The tokens of one account."""

    def __init__(self) -> None:
        self._credentials: Any = None
        self._lock = asyncio.Lock()
        self.project = ""  # of the credentials; empty: they name none, or there are none yet

    async def token(self, *, fresh: bool = False) -> str:
        """Return a token that is good now.

        Args:
            fresh: the last one was refused, whatever its time says.

        Raises:
            Unavailable: there are no credentials, or they are refused.
            Transient: nobody could be asked.
        """
        async with self._lock:
            return await asyncio.to_thread(self._token, fresh=fresh)

    def _token(self, *, fresh: bool) -> str:
        try:
            import google.auth  # noqa: PLC0415  an extra: imported only where it is used
            import google.auth.exceptions as known  # noqa: PLC0415
            from google.auth.transport.requests import Request  # noqa: PLC0415
        except ImportError:
            text = "google-auth is not installed: gslb-server[clouddns] brings it"
            raise Unavailable(text) from None
        import requests  # noqa: PLC0415  comes with the same extra

        try:
            if self._credentials is None:
                self._credentials, project = google.auth.default(scopes=list(SCOPES))
                self.project = project or ""
            if fresh or not self._credentials.valid:
                with requests.Session() as session:
                    self._credentials.refresh(Request(session=session))
        except known.TransportError as error:
            raise Transient(f"token: no reply ({type(error).__name__})") from None
        except known.DefaultCredentialsError as error:
            raise Unavailable(f"token: {NO_CREDENTIALS} ({type(error).__name__})") from None
        except Exception as error:  # noqa: BLE001  its text may hold parts of a key or of a reply
            raise Unavailable(f"token: {type(error).__name__}") from None
        return str(self._credentials.token)
