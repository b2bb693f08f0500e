"""The Batch API of the stub server: results come in reverse, the first one twice, and what goes wrong is planned.

``plan`` says what becomes of the first, second, … batch, ``ok`` when it is used up:

    ok           each line is answered as by ``stub_server``: 200 into the output file, else the error file
    expired:N    as ``ok`` for the first N lines, the rest expires
    full         refused: too many tokens in the queue        invalid:CODE   refused for its content
    slow:N       as ``ok``, after N looks                     badline        as ``ok``, with one line that is no JSON
    lost:N       as ``ok``, but N results are missing         hidden         made, but its maker is told 500
    cut          as ``ok``; the first download of its results breaks
"""

from __future__ import annotations

import json
import re
from typing import Any

from stub_server import Reply, Stub, error


class BatchStub(Stub):
    """A :class:`Stub` with files and batches.

    Attributes:
        plan: see above.
        batches: as the API shows them, with ``_looks`` that are left.
        files: id → content.
        queue: most tokens in unfinished batches, or None; a request has 100.
    """

    def __init__(self, plan: list[str] | None = None, queue: int | None = None) -> None:
        super().__init__()
        self.plan, self.queue = list(plan or []), queue
        self.batches: dict[str, dict[str, Any]] = {}
        self.files: dict[str, bytes] = {}
        self.cuts: set[str] = set()
        self.deleted: list[str] = []
        self.routes |= {
            ("POST", "/v1/files"): self.upload,
            ("GET", "/v1/files/"): self.content,
            ("DELETE", "/v1/files/"): self.delete,
            ("POST", "/v1/batches"): self.create,
            ("GET", "/v1/batches/"): self.retrieve,
            ("GET", "/v1/batches"): self.list,
        }

    def upload(self, _path: str, headers: dict[str, str], body: bytes) -> Reply:
        boundary = b"--" + headers["content-type"].partition("boundary=")[2].encode()
        part = next(part for part in body.split(boundary) if b'name="file"' in part)
        content = part.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n")
        return self.json({"id": self.keep(content), "object": "file", "bytes": len(content), "purpose": "batch"})

    def keep(self, content: bytes) -> str:
        self.files[name := f"file-{len(self.files)}"] = content
        return name

    def content(self, path: str, _headers: dict[str, str], _body: bytes) -> Reply:
        name = path.split("/")[3]
        if name in self.cuts:
            self.cuts.discard(name)
            return 500, {}, b"{}"
        return 200, {"content-type": "application/octet-stream"}, self.files[name]

    def delete(self, path: str, _headers: dict[str, str], _body: bytes) -> Reply:
        self.deleted.append(path.split("/")[3])
        return self.json({"id": self.deleted[-1], "object": "file", "deleted": True})

    def create(self, _path: str, _headers: dict[str, str], body: bytes) -> Reply:
        fate = self.plan.pop(0) if self.plan else "ok"
        lines = [json.loads(line) for line in self.files[json.loads(body)["input_file_id"]].splitlines()]
        name = f"batch_{len(self.batches)}"
        kind, _, argument = fate.partition(":")
        batch = self.batches[name] = {
            "id": name,
            "object": "batch",
            "endpoint": "/v1/chat/completions",
            "completion_window": "24h",
            "created_at": 1,
            **json.loads(body),
            "status": "validating",
            "_fate": fate,
            "_looks": int(argument) if kind == "slow" else 0,
            "_size": len(lines),
        }
        open_tokens = 100 * sum(
            b["_size"] for b in self.batches.values() if b["status"] in ("validating", "in_progress")
        )
        if kind == "full" or (self.queue is not None and open_tokens > self.queue):
            message = "Enqueued token limit reached for teacher. Limit: 2,000,000 enqueued tokens."
            self.refuse(batch, "token_limit_exceeded", message)
        elif kind == "invalid":
            self.refuse(batch, argument, "This batch cannot be processed.", line=3)
        elif kind == "hidden":
            batch["_fate"] = "ok"
            return error(500)
        return self.json(batch)

    @staticmethod
    def refuse(batch: dict[str, Any], code: str, message: str, line: int | None = None) -> None:
        batch["errors"] = {"object": "list", "data": [{"code": code, "message": message, "line": line, "param": None}]}
        batch["_end"] = "failed"

    def retrieve(self, path: str, _headers: dict[str, str], _body: bytes) -> Reply:
        batch = self.batches[path.split("/")[3]]
        if batch["status"] == "validating":
            batch["status"] = batch.get("_end", "in_progress")
        if batch["status"] == "in_progress":
            batch["_looks"] -= 1
            if batch["_looks"] < 0:
                self.finish(batch)
        return self.json(batch)

    def list(self, _path: str, _headers: dict[str, str], _body: bytes) -> Reply:
        data = [self.public(batch) for batch in reversed(self.batches.values())]
        return self.json({"object": "list", "data": data, "has_more": False})

    def finish(self, batch: dict[str, Any]) -> None:
        kind, _, argument = batch["_fate"].partition(":")
        lines = [json.loads(line) for line in self.files[batch["input_file_id"]].splitlines()]
        good, bad = [], []
        for number, line in enumerate(lines):
            if kind == "expired" and number >= int(argument):
                fault = {"code": "batch_expired", "message": "This request could not be executed in time."}
                bad.append({"custom_id": line["custom_id"], "response": None, "error": fault})
                continue
            status, _, body = self.reply(*self.chat(json.dumps(line["body"]).encode(), {}))
            response = {"status_code": status, "request_id": "r", "body": json.loads(body)}
            row = {"id": f"r{number}", "custom_id": line["custom_id"], "response": response, "error": None}
            (good if status == 200 else bad).append(row)
        if kind == "lost":
            del good[: int(argument)]
        output = [json.dumps(row) for row in reversed(good)]
        output += [*output[-1:], '{"custom_id": "somebody else", "response": {"status_code": 200, "body": {}}}']
        errors = [json.dumps(row) for row in bad]
        if kind == "badline":
            output[0] = output[0][:40]
            errors.append("no JSON at all")
        batch["status"] = "expired" if kind == "expired" else "completed"
        batch["output_file_id"] = self.keep("\n".join(output).encode())
        batch["error_file_id"] = self.keep("\n".join(errors).encode()) if errors else None
        if kind == "cut":
            self.cuts.add(batch["output_file_id"])

    def json(self, value: dict[str, Any]) -> Reply:
        return 200, {}, json.dumps(self.public(value)).encode()

    @staticmethod
    def public(value: dict[str, Any]) -> dict[str, Any]:
        return {key: item for key, item in value.items() if not re.match("_", key)}


if __name__ == "__main__":
    import asyncio
    import sys

    asyncio.run(BatchStub(sys.argv[1:]).serve())
