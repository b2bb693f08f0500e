"""A server that speaks OpenAI's API and misbehaves as it is told, for tests and benchmarks; standard library only.

What it does with a request stands in the prompt, between ⟦ and ⟧: the behaviours of the first, second, … time that it
sees this prompt, split by ``;``, the last one for good. Without any it answers. So a test programs it by what it
asks, also across processes and kills, and :attr:`Stub.counts` says how often each prompt came.

    ok / ok:TEXT        an answer                     429 / 429:SECONDS / 429:date   too many requests
    500, 503, 401 …     an error of that status       quota, toolarge                no credit; above a minute's limit
    hang, drip, reset   no answer, a byte at a time, the connection is reset
    truncated, empty, html, wrong                     half a JSON, no choices, a web page, JSON of another kind
    refusal, filter, length                           the model's, the provider's, the limit's end
    400:CODE:MESSAGE    the request is refused        slow:SECONDS                   an answer, later
    nousage             an answer without counts      noschema                       400 or 500 to a schema, else ok
    newlimit            400 to ``max_tokens``, else ok

Run as a script it prints its port and serves until it is ended: ``stub_server.py [LATENCY [CAPACITY]]``.
"""

from __future__ import annotations

import asyncio
import email.utils
import json
import re
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from typing import Any

PROGRAM = re.compile("⟦(.*?)⟧")
PICTURE_TOKENS = 2833
MESSAGES = {
    401: ("invalid_api_key", "Incorrect API key provided: sk-abcd****wxyz."),
    403: ("model_not_allowed", "This key may not use this model."),
    404: ("model_not_found", "The model does not exist or you do not have access to it."),
    429: (
        "rate_limit_exceeded",
        "Rate limit reached. You can increase your rate limit by adding a payment method at /account/billing.",
    ),
}
Reply = tuple[int, dict[str, str], bytes]
Route = Callable[[str, dict[str, str], bytes], Reply]


def error(status: int, code: str = "", message: str = "", **headers: str) -> Reply:
    code, message = (code, message) if code or message else MESSAGES.get(status, ("server_error", "Something broke."))
    body = {"error": {"message": message, "type": "an_error", "param": None, "code": code}}
    return status, headers, json.dumps(body).encode()


def completion(
    text: str | None, body: dict[str, Any], *, finish: str = "stop", usage: bool = True, **message: Any
) -> Reply:
    prompt, pictures = prompt_of(body)
    tokens = {
        "prompt_tokens": len(prompt) // 4 + 7 + PICTURE_TOKENS * pictures,
        "completion_tokens": len(text or "") // 4,
    }
    choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": text, **message}}
    answer = {"id": "c1", "object": "chat.completion", "created": 1, "model": body.get("model"), "choices": [choice]}
    if usage:
        answer["usage"] = {**tokens, "total_tokens": sum(tokens.values())}
    return 200, {}, json.dumps(answer).encode()


def prompt_of(body: dict[str, Any]) -> tuple[str, int]:
    """The text of the last message, and how many pictures it holds."""
    content = body["messages"][-1]["content"]
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
    text = "".join(part["text"] for part in parts if part["type"] == "text")
    return text, sum(part["type"] == "image_url" for part in parts)


class Stub:
    """The server's state, and its answers to whole requests; the connections are :class:`_Connection`.

    Attributes:
        counts: prompt → how often it came.
        bodies, headers: of the latest chat requests.
        most: the most requests that were being answered at once.
    """

    def __init__(self, latency: float = 0.0, capacity: int | None = None) -> None:
        self.latency, self.capacity = latency, capacity
        self.counts: Counter[str] = Counter()
        self.bodies: deque[dict[str, Any]] = deque(maxlen=1000)
        self.headers: deque[dict[str, str]] = deque(maxlen=1000)
        self.times: deque[float] = deque(maxlen=10_000)
        self.routes: dict[tuple[str, str], Route] = {("GET", "/stub/counts"): self._counts}
        self.busy = self.most = 0
        self.port = 0
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def start(self) -> Stub:
        """Serve in a thread."""
        ready = threading.Event()
        threading.Thread(target=lambda: asyncio.run(self.serve(ready)), daemon=True).start()
        assert ready.wait(10)
        return self

    def stop(self) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._done.set)

    async def serve(self, ready: threading.Event | None = None) -> None:
        self._loop, self._done = asyncio.get_running_loop(), asyncio.Event()
        server = await self._loop.create_server(lambda: _Connection(self), "127.0.0.1", self.port)
        self.port = server.sockets[0].getsockname()[1]
        if ready is None:
            print(self.port, flush=True)  # noqa: T201
        else:
            ready.set()
        await self._done.wait()
        server.close()

    def _counts(self, _path: str, _headers: dict[str, str], _body: bytes) -> Reply:
        return 200, {}, json.dumps(self.counts).encode()

    def chat(self, data: bytes, headers: dict[str, str]) -> tuple[str, str, dict[str, Any]]:
        """The behaviour for a chat request: its name, its argument, and the body."""
        body = json.loads(data)
        prompt, _ = prompt_of(body)
        turn, self.counts[prompt] = self.counts[prompt], self.counts[prompt] + 1
        self.bodies.append(body)
        self.headers.append(headers)
        self.times.append(time.monotonic())
        if self.capacity is not None and self.busy > self.capacity:
            return "429", "", body
        program = PROGRAM.search(prompt)
        steps = program[1].split(";") if program else ["ok"]
        name, _, argument = steps[min(turn, len(steps) - 1)].strip().partition(":")
        return name, argument, body

    def reply(self, name: str, argument: str, body: dict[str, Any]) -> Reply:
        """The answer of a behaviour that has one."""
        text = argument or f"<think>{prompt_of(body)[0][-40:]}</think><answer>joy</answer>"
        special: dict[str, Callable[[], Reply]] = {
            "ok": lambda: completion(text, body),
            "slow": lambda: completion("late", body),
            "nousage": lambda: completion(text, body, usage=False),
            "length": lambda: completion("<think>half of", body, finish="length"),
            "refusal": lambda: completion(None, body, refusal="I cannot judge a face."),
            "filter": lambda: completion("", body, finish="content_filter"),
            "empty": lambda: (200, {}, b'{"id": "c1", "object": "chat.completion", "choices": []}'),
            "wrong": lambda: (200, {}, b'{"answer": [1, 2]}'),
            "truncated": lambda: (200, {}, completion(text, body)[2][:70]),
            "html": lambda: (200, {"content-type": "text/html"}, b"<html>Welcome</html>"),
            "redirect": lambda: (307, {"location": argument}, b""),
            "quota": lambda: error(429, "insufficient_quota", "You exceeded your current quota, please check billing."),
            "toolarge": lambda: error(429, "rate_limit_exceeded", "Request too large for the model."),
            "429": lambda: error(429, **_retry_after(argument)),
        }
        if name == "noschema" and "response_format" in body:
            return error(int(argument or 400), "invalid_request", "response_format is not supported")
        if name == "newlimit" and "max_tokens" in body:
            message = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."
            return error(400, "unsupported_parameter", message)
        if name in ("noschema", "newlimit"):
            return completion(text, body)
        if name in special:
            return special[name]()
        code, _, message = argument.partition(":")
        return error(int(name), code, message)


def _retry_after(argument: str) -> dict[str, str]:
    if argument == "date":
        return {"retry-after": email.utils.formatdate(time.time() + 2, usegmt=True)}
    return {"retry-after": argument} if argument else {}


class _Connection(asyncio.Protocol):
    def __init__(self, stub: Stub) -> None:
        self.stub, self.data = stub, bytearray()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.data += data
        end = self.data.find(b"\r\n\r\n")
        if end < 0:
            return
        lines = bytes(self.data[:end]).decode("latin-1").split("\r\n")
        headers = {key.lower(): value.strip() for key, _, value in (line.partition(":") for line in lines[1:])}
        whole = end + 4 + int(headers.get("content-length", 0))
        if len(self.data) < whole:
            return
        body = bytes(self.data[end + 4 : whole])
        self.data.clear()  # the client does not pipeline
        method, path, _ = lines[0].split(" ")
        if path.endswith("/chat/completions"):
            self.stub.busy += 1
            self.stub.most = max(self.stub.most, self.stub.busy)
            self.chat(*self.stub.chat(body, headers))
            return
        for (verb, start), route in self.stub.routes.items():
            if verb == method and path.startswith(start):
                self.send(route(path, headers, body))
                return
        self.send(error(404))

    def chat(self, name: str, argument: str, body: dict[str, Any]) -> None:
        loop, transport = asyncio.get_running_loop(), self.transport
        if name == "hang":
            return
        if name == "reset":
            self.stub.busy -= 1
            loop.call_later(self.stub.latency, transport.abort)
            return
        if name == "drip":
            loop.create_task(self.drip(completion("drop by drop", body)))
            return
        reply = self.stub.reply(name, argument, body)
        delay = float(argument) if name == "slow" else 0.0 if name == "429" else self.stub.latency
        if delay:
            loop.call_later(delay, self.finish, reply)
        else:
            self.finish(reply)

    def finish(self, reply: Reply) -> None:
        self.stub.busy -= 1
        self.send(reply)

    async def drip(self, reply: Reply) -> None:
        for byte in self.head(reply) + reply[2]:
            self.transport.write(bytes([byte]))
            await asyncio.sleep(0.05)

    def send(self, reply: Reply) -> None:
        if not self.transport.is_closing():
            self.transport.write(self.head(reply) + reply[2])

    @staticmethod
    def head(reply: Reply) -> bytes:
        status, headers, body = reply
        fields = {"content-type": "application/json", "content-length": str(len(body)), **headers}
        return "".join([f"HTTP/1.1 {status} X\r\n", *(f"{k}: {v}\r\n" for k, v in fields.items()), "\r\n"]).encode()


class Judge(Stub):
    """Gives a text 6 in each criterion that the prompt names, and says what ``answers`` holds to those it is a key of.

    None is a refused request.
    """

    def __init__(self) -> None:
        super().__init__()
        self.answers: dict[str, str | None] = {}

    def reply(self, name: str, argument: str, body: dict[str, Any]) -> Reply:
        del name, argument
        prompt = prompt_of(body)[0]
        for key, answer in self.answers.items():
            if key in prompt:
                return error(400, "no", "no") if answer is None else completion(answer, body)
        names = re.findall(r'"(\w+)": 1-10', prompt)
        return completion(json.dumps({**dict.fromkeys(names, 6), "reason": "fine"}), body)


if __name__ == "__main__":
    latency, capacity = [*sys.argv[1:], None, None][:2]
    asyncio.run(Stub(float(latency or 0), int(capacity) if capacity else None).serve())
