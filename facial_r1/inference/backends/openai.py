"""Any server that speaks OpenAI's chat completions: OpenAI itself, ``vllm serve``, ``transformers serve``, and others.

One request is one user message: the picture as a data URI, then the prompt. Errors become what the runner can act on
(:mod:`facial_r1.inference.remote.faults`), answers typed outcomes with their raw text
(:mod:`facial_r1.inference.remote.chat`).

Servers differ in two places. Newer models call the limit of an answer ``max_completion_tokens``; and not every server
can hold a model to a JSON schema. Both are learnt from the first refusal, which costs nothing; without a schema the
prompt alone has to ask for JSON.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from facial_r1.errors import FacialR1Error, UsageError
from facial_r1.inference.protocol import Answer, Backend, Overloaded, Request, TransientError
from facial_r1.inference.remote.chat import NEW_LIMIT, body_of, limited, read_completion
from facial_r1.inference.remote.client import Client, Refused, known_as
from facial_r1.inference.remote.pictures import DataUris

__all__ = ["create", "sampling"]

_DETAILS = ("low", "high", "auto")


def create(
    model: str,
    base_url: str | None = None,
    detail: str = "low",
    max_tokens: int = 1024,
    temperature: float | None = 1.0,
    top_p: float | None = None,
    seed: int | None = None,
    schema: Mapping[str, Any] | None = None,
    timeout: float = 120.0,
) -> Backend:
    """A backend for one model.

    Args:
        model: its name at the server.
        base_url: such as ``http://127.0.0.1:8000/v1``; None takes OPENAI_BASE_URL, else OpenAI itself.
        detail: ``low``, ``high`` or ``auto``: how closely the model looks at a picture, and what that costs.
        max_tokens: limit of an answer.
        temperature, top_p, seed: as the server understands them; None leaves them out.
        schema: JSON schema of the answer, for a judge.
        timeout: seconds for a whole call.

    Raises:
        UsageError: for a wrong option, or when the key is missing (environment variable OPENAI_API_KEY).
    """
    params = sampling(detail, max_tokens, temperature, top_p, seed, schema)
    return _OpenAI(Client(model, base_url, timeout), params)


def sampling(
    detail: str,
    max_tokens: int,
    temperature: float | None,
    top_p: float | None,
    seed: int | None,
    schema: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """The options that enter a request's parameters; what is None is left out.

    Raises:
        UsageError: for a detail that does not exist, or a limit that is not positive.
    """
    if detail not in _DETAILS:
        raise UsageError("unknown detail of pictures", found=detail, expected=f"one of {', '.join(_DETAILS)}")
    if max_tokens < 1:
        raise UsageError("max_tokens must be positive", found=max_tokens)
    options = {"temperature": temperature, "top_p": top_p, "seed": seed, "schema": dict(schema) if schema else None}
    given = {name: value for name, value in options.items() if value is not None}
    return {"detail": detail, "max_tokens": max_tokens, **given}


class _OpenAI:
    name = "openai"
    batch = 1

    def __init__(self, client: Client, params: Mapping[str, Any]) -> None:
        self.client, self.params = client, params
        self.model = known_as(client.model)
        self.endpoint: str | None = client.endpoint
        self.pictures = DataUris()
        self._limit = "max_tokens"
        self._schema: bool | None = None  # whether the server knows schemas; None until the first one was sent
        self._probe = asyncio.Lock()

    async def answer(self, requests: Sequence[Request]) -> list[Answer]:
        return [await self._one(request) for request in requests]

    async def close(self) -> None:
        await self.client.close()
        self._probe = asyncio.Lock()  # it belongs to the loop that ends

    async def _one(self, request: Request) -> Answer:
        body = body_of(request, self.client.model, self.pictures(request))
        try:
            data = await self._complete(body)
        except Refused as refusal:
            key, text = request.key(self.model), None if refusal.outcome == "failed" else ""
            return Answer(
                key, request.sample_id, refusal.outcome, text, self.model, request.attempt, detail=refusal.what
            )
        return read_completion(data, request, self.model)

    async def _complete(self, body: dict[str, Any]) -> bytes:
        if "response_format" not in body or self._schema:
            return await self._post(body)
        plain = {name: value for name, value in body.items() if name != "response_format"}
        async with self._probe:
            if self._schema is None:
                return await self._probed(body, plain)
        return await self._post(body if self._schema else plain)

    async def _probed(self, body: dict[str, Any], plain: dict[str, Any]) -> bytes:
        """The first completion with a schema; without it where the server refuses it or breaks on it."""
        try:
            data = await self._post(body)
        except Refused:
            data = await self._post(plain)  # refused again: it was not the schema, and the next request will tell
            self._schema = False
        except TransientError as error:
            if error.paid or isinstance(error, Overloaded):
                raise
            self._schema = False
            data = await self._post(plain)
        else:
            self._schema = True
        return data

    async def _post(self, body: dict[str, Any]) -> bytes:
        name = self._limit
        try:
            return await self.client.post("/chat/completions", limited(body, name))
        except FacialR1Error as error:
            if name == NEW_LIMIT or NEW_LIMIT not in str(error):
                raise
            self._limit = NEW_LIMIT
        return await self._post(body)
