"""The connection to a server that speaks OpenAI's API: the official client, made careful.

The key comes from the environment and goes nowhere else. No redirect is followed, and a loopback address is reached
directly, whatever proxy the environment names: a picture goes where the guard thought it goes. The client's own
retries are off, since the runner's know of one another.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator, Mapping
from itertools import cycle
from pathlib import PurePath
from typing import Any
from urllib.parse import urlsplit

import httpx2
import openai

from facial_r1.errors import FacialR1Error, UsageError
from facial_r1.files import sha256_bytes
from facial_r1.inference.guard import is_loopback
from facial_r1.inference.protocol import Overloaded, TransientError
from facial_r1.inference.remote.faults import fault_of, retry_after

__all__ = ["Client", "Refused", "known_as"]

_CONNECT = 10.0
_LIMITS = httpx2.Limits(max_connections=None, max_keepalive_connections=None)
_UNSENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.WriteError, httpx2.WriteTimeout)


class _Pools(httpx2.AsyncBaseTransport):
    """Direct connections, in many small pools.

    A pool looks at each of its idle connections with every request, which at 64 connections takes as long as all the
    rest of a call. A server on this machine answers fast enough for that to matter.
    """

    def __init__(self, *, secure: bool, pools: int = 16) -> None:
        context = httpx2.create_ssl_context(trust_env=False) if secure else False  # slow, and of no use to plain HTTP
        self._all = [httpx2.AsyncHTTPTransport(context, trust_env=False, limits=_LIMITS) for _ in range(pools)]
        self._next = cycle(self._all)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        return await next(self._next).handle_async_request(request)

    async def aclose(self) -> None:
        for pool in self._all:
            await pool.aclose()


class Refused(FacialR1Error):
    """The server refused this one request for good; ``outcome`` is ``failed`` or ``filtered``."""

    def __init__(self, outcome: str, detail: str) -> None:
        super().__init__(detail)
        self.outcome = outcome


def known_as(model: str) -> str:
    """The name under which a model enters keys and rows: for a folder its name and a hash, since paths stay private."""
    if not PurePath(model).is_absolute():
        return model
    return f"{PurePath(model).name}@{sha256_bytes(model.encode())[:8]}"


def _host(endpoint: str) -> str:
    """The host in ``endpoint``.

    Raises:
        UsageError: when it is no URL of a server, or holds a password, which would get into recipes and messages.
    """
    try:
        parts = urlsplit(endpoint)
        sound = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0 and httpx2.URL(endpoint).host
    except (ValueError, httpx2.InvalidURL):
        sound = False
    if not sound:
        expected = "a URL such as http://127.0.0.1:8000/v1"
        raise UsageError("base_url is no address of a server", found=endpoint, expected=expected)
    if parts.username or parts.password:
        do = "take it out; the key belongs into the variable OPENAI_API_KEY"
        raise UsageError(f"base_url holds a password for {parts.hostname}", do=do)
    return str(parts.hostname)


class Client:
    """One server and one model on it.

    Args:
        model: its name at the server.
        base_url: such as ``http://127.0.0.1:8000/v1``; None takes OPENAI_BASE_URL, else OpenAI itself.
        timeout: seconds for a whole call.

    Attributes:
        endpoint: the URL that is used.

    Raises:
        UsageError: for a URL that is none, a key that no header can hold, or when the key is missing and the server is
            not on this machine.
    """

    def __init__(self, model: str, base_url: str | None, timeout: float) -> None:
        self.model, self.timeout = model, timeout
        self.endpoint = base_url or os.environ.get("OPENAI_BASE_URL") or "https://api.openai.com/v1"
        host = _host(self.endpoint)
        self._local = is_loopback(self.endpoint)
        self._key = os.environ.get("OPENAI_API_KEY", "").strip()
        if not self._key and not self._local:
            do = "export OPENAI_API_KEY=… (for --dry-run any word will do); a server on this machine needs none"
            raise UsageError(f"there is no key for {host}", expected="the variable OPENAI_API_KEY", do=do)
        if not (self._key.isascii() and self._key.isprintable()):
            found = "a character that no key has"  # the key itself goes into no message
            raise UsageError("the variable OPENAI_API_KEY holds no key", found=found, do="copy the key anew, alone")
        self._reached = False
        self._open: openai.AsyncOpenAI | None = None

    @property
    def api(self) -> openai.AsyncOpenAI:
        """The official client, made when it is first needed in a loop; :meth:`close` ends it."""
        if self._open is None:
            timeout = httpx2.Timeout(self.timeout, connect=min(_CONNECT, self.timeout))
            secure = self.endpoint.lower().startswith("https")
            transport = _Pools(secure=secure) if self._local else None
            http = openai.DefaultAsyncHttpx2Client(
                follow_redirects=False, trust_env=not self._local, transport=transport, limits=_LIMITS, timeout=timeout
            )
            self._open = openai.AsyncOpenAI(
                api_key=self._key or "none", base_url=self.endpoint, max_retries=0, timeout=timeout, http_client=http
            )
        return self._open

    async def close(self) -> None:
        """Close the connections; the next use opens new ones."""
        if self._open is not None:
            await self._open.close()
            self._open = None

    async def post(self, path: str, body: Mapping[str, Any]) -> bytes:
        """The body of a successful answer to ``body``.

        Raises:
            Refused, TransientError, Overloaded, FacialR1Error: as :meth:`judged`.
        """
        # Raw: the models that the client would build of request and answer cost as much as all the rest of a call.
        async with self.judged():
            response = await self.api.post(path, body=body, cast_to=httpx2.Response)
        if "html" in response.headers.get("content-type", ""):
            do = "correct base_url; it often ends in /v1"
            raise FacialR1Error("this is a web page, not an OpenAI API", found=self.endpoint, do=do)
        return response.content

    @contextlib.asynccontextmanager
    async def judged(self) -> AsyncIterator[None]:
        """Give the client's errors their meaning.

        Raises:
            Refused: for this request.
            TransientError: for a connection that broke, a time that ran out, a server's hiccup.
            Overloaded: for too many requests.
            FacialR1Error: for what would meet every request: key, address, model, credit.
        """
        try:
            async with asyncio.timeout(self.timeout):  # the client's own starts again with every byte
                yield
            self._reached = True
        except (openai.APITimeoutError, TimeoutError) as error:
            paid = not isinstance(error.__cause__, _UNSENT)
            raise TransientError(f"no answer within {self.timeout:g} s", paid=paid) from None
        except json.JSONDecodeError as error:
            raise TransientError(f"the answer is no whole JSON ({error.msg})", paid=True) from None
        except openai.APIConnectionError as error:
            raise self._broken(error.__cause__) from None
        except openai.APIStatusError as error:
            self._reached = True
            raise self._refused(error) from None

    def _broken(self, cause: BaseException | None) -> FacialR1Error:
        words = f"{type(cause).__name__}: {cause}" if cause else "connection error"
        if isinstance(cause, httpx2.ConnectError) and not self._reached:
            do = "check base_url and that the server is up"
            return FacialR1Error(f"nothing answers at {self.endpoint}", found=words, do=do)
        return TransientError(f"the connection broke ({words})", paid=not isinstance(cause, _UNSENT))

    def _refused(self, error: openai.APIStatusError) -> FacialR1Error:
        fault = fault_of(error.status_code, error.body, model=self.model, endpoint=self.endpoint)
        detail = fault.detail.replace(self._key, "(the key)") if self._key else fault.detail
        if fault.kind == "stop":
            return FacialR1Error(f"{self.endpoint} refuses {self.model}", found=detail, do=fault.do)
        if fault.kind == "busy":
            return Overloaded(detail, retry_after=retry_after(error.response.headers))
        if fault.kind == "retry":
            return TransientError(detail, retry_after=retry_after(error.response.headers))
        return Refused(fault.kind, detail)
