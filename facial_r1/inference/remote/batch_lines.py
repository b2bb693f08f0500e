"""One line of a batch: the request that goes in, and what the result that comes out means."""

from __future__ import annotations

from typing import Literal

import orjson

from facial_r1.inference.protocol import Answer, Request
from facial_r1.inference.remote.chat import body_of, limited, read_completion
from facial_r1.inference.remote.faults import Fault, fault_of

__all__ = ["PATH", "answer_of", "fault_in", "request_line"]

PATH: Literal["/v1/chat/completions"] = "/v1/chat/completions"
"""Where the requests of a batch go."""


def request_line(request: Request, key: str, model: str, picture: str | None, limit: str) -> bytes:
    """The line for ``request``; ``limit`` is the name under which the model knows ``max_tokens``."""
    body = limited(body_of(request, model, picture), limit)
    row = {"custom_id": key, "method": "POST", "url": PATH, "body": body}
    return orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)


def fault_in(line: bytes, *, model: str, endpoint: str) -> Fault | None:
    """What went wrong with the request of a result line (a JSON object); None when it was answered."""
    row = orjson.loads(line)
    response, error = row.get("response") or {}, row.get("error") or {}
    status, body = response.get("status_code") or 0, response.get("body")
    if status == 200:
        return None
    if not status:  # it was not even begun, as in a batch that expired
        return Fault("retry", str(error.get("message") or error.get("code") or "no response"))
    said = body.get("error") if isinstance(body, dict) else body
    return fault_of(status, said, model=model, endpoint=endpoint)


def answer_of(line: bytes, request: Request, model: str) -> Answer:
    """The answer in a result line whose fault, if any, is the request's own.

    Raises:
        TransientError: for a line that says 200 and holds no whole completion.
    """
    fault = fault_in(line, model=model, endpoint="")
    if fault is None:
        return read_completion(orjson.dumps(orjson.loads(line)["response"].get("body")), request, model)
    text = None if fault.kind == "failed" else ""
    key = request.key(model)
    return Answer(key, request.sample_id, fault.kind, text, model, request.attempt, detail=fault.detail)
