"""The chat completions format: what is sent for a request, and what a completion says; online and in batches alike."""

from __future__ import annotations

from typing import Any

import orjson

from facial_r1.inference.protocol import Answer, Request, TransientError

__all__ = ["NEW_LIMIT", "OURS", "body_of", "limited", "read_completion", "response_format"]

NEW_LIMIT = "max_completion_tokens"
"""What newer models call ``max_tokens``; they refuse the old name and mention the new one."""

OURS = ("detail", "schema")
"""Parameters of a request that go elsewhere in the body than under their own name."""


def body_of(request: Request, model: str, picture: str | None) -> dict[str, Any]:
    """The body of ``POST /chat/completions``.

    Args:
        request: its parameters are sent under their names, except :data:`OURS`.
        model: the model's name at the server.
        picture: data URI.
    """
    content: list[dict[str, Any]] = [{"type": "text", "text": request.prompt}]
    if picture is not None:
        url = {"url": picture, "detail": request.params.get("detail", "auto")}
        content.insert(0, {"type": "image_url", "image_url": url})
    body: dict[str, Any] = {"model": model, "messages": [{"role": "user", "content": content}]}
    body |= {name: value for name, value in request.params.items() if name not in OURS}
    if schema := request.params.get("schema"):
        body["response_format"] = response_format(schema)
    return body


def limited(body: dict[str, Any], name: str) -> dict[str, Any]:
    """``body`` with its ``max_tokens``, if any, under another name."""
    if name == "max_tokens" or "max_tokens" not in body:
        return body
    limit = {name: body["max_tokens"]}
    return {key: value for key, value in body.items() if key != "max_tokens"} | limit


def response_format(schema: dict[str, Any]) -> dict[str, Any]:
    """How a JSON schema is asked for."""
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": True}}


def read_completion(data: bytes, request: Request, model: str) -> Answer:
    """The answer in a completion.

    Raises:
        TransientError: when this is no whole completion. It was paid for all the same.
    """
    try:
        completion = orjson.loads(data)
        choice = completion["choices"][0]
        message, reason = choice["message"], choice.get("finish_reason")
        text, refusal = message.get("content"), message.get("refusal")
        usage = _usage(completion.get("usage") or {})
    except orjson.JSONDecodeError as error:
        raise TransientError(f"the answer is no whole JSON ({error.msg})", paid=True) from None
    except IndexError:
        raise TransientError("the answer holds no choice", paid=True) from None
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        what = f"the answer is no chat completion ({type(error).__name__}: {error})"
        raise TransientError(what, paid=True) from None
    if not isinstance(text, str | None) or not isinstance(refusal, str | None):
        raise TransientError("the text of the answer is no text", paid=True)
    outcome, detail = "ok", None
    if reason == "content_filter":
        outcome, detail = "filtered", "finish_reason content_filter"
    elif refusal:
        outcome, text, detail = "refusal", text or refusal, refusal
    elif reason == "length":
        outcome, detail = "cut_off", "finish_reason length"
    return Answer(
        request.key(model), request.sample_id, outcome, text or "", model, request.attempt, usage, detail=detail
    )


def _usage(counts: dict[str, Any]) -> dict[str, int]:
    names = {"input": "prompt_tokens", "output": "completion_tokens"}
    return {ours: int(counts[theirs]) for ours, theirs in names.items() if counts.get(theirs) is not None}
