"""The backend for OpenAI-speaking servers: what goes over the wire, and what every kind of trouble becomes."""

from __future__ import annotations

import base64
import logging
import socket
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from stub_server import Stub

from facial_r1.errors import CorruptState, FacialR1Error, InputError, UsageError
from facial_r1.inference.backends import create
from facial_r1.inference.journal import Journal
from facial_r1.inference.protocol import Answer, Backend, Request
from facial_r1.inference.runner import Stats, ask
from facial_r1.pictures import PictureError

Ask = Callable[..., Request]


def openai(stub: Stub, **options: Any) -> Backend:
    return create("openai", model="teacher", base_url=stub.url, **options)


class Talk:
    """Asks prompts about the picture and keeps the answers by prompt."""

    def __init__(self, journal: Journal, about: Ask) -> None:
        self.journal, self.about, self.answers = journal, about, dict[str, Answer]()

    def __call__(self, backend: Backend, *prompts: str, **options: Any) -> Stats:
        def then(request: Request, answer: Answer) -> Iterable[Request]:
            self.answers[request.prompt] = answer
            return ()

        requests = [self.about(backend, prompt) for prompt in prompts]
        return ask(backend, requests, self.journal, then=then, **{"pause": 0.001, "retries": 3, **options})


@pytest.fixture
def talk(journal: Journal, about: Ask) -> Talk:
    return Talk(journal, about)


def test_what_goes_over_the_wire(stub: Stub, talk: Talk, picture: Path) -> None:
    backend = openai(stub, temperature=0.7, top_p=0.9, seed=3, max_tokens=300, detail="high")
    stats = talk(backend, "What is seen?")
    uri = "data:image/png;base64," + base64.b64encode(picture.read_bytes()).decode()
    assert list(stub.bodies) == [
        {
            "model": "teacher",
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "image_url", "image_url": {"url": uri, "detail": "high"}},
                        {"type": "text", "text": "What is seen?"},
                    ],
                }
            ],
            "temperature": 0.7,
            "top_p": 0.9,
            "seed": 3,
            "max_tokens": 300,
        }
    ]
    answer = talk.answers["What is seen?"]
    assert (answer.outcome, answer.text) == ("ok", "<think>What is seen?</think><answer>joy</answer>")
    assert answer.usage == {"input": 13 // 4 + 7 + 2833, "output": 48 // 4} == stats.usage


def test_what_is_left_out_is_not_sent(stub: Stub, talk: Talk) -> None:
    talk(openai(stub, temperature=None), "plain")
    assert stub.bodies[0].keys() == {"model", "messages", "max_tokens"}


def test_options_enter_the_key(stub: Stub, about: Ask) -> None:
    """Another temperature, limit or detail is another question; another address of the same model is not."""
    plain = openai(stub)
    key = about(plain, "p").key(plain.model)
    for options in ({"temperature": 0.5}, {"max_tokens": 9}, {"detail": "high"}, {"seed": 1}, {"schema": {"a": 1}}):
        other = openai(stub, **options)
        assert about(other, "p").key(other.model) != key
    elsewhere = create("openai", model="teacher", base_url="http://localhost:1/v1")
    assert about(elsewhere, "p").key(elsewhere.model) == key


@pytest.mark.parametrize(
    ("behaviour", "outcome", "text", "detail"),
    [
        ("ok:fine", "ok", "fine", None),
        ("length", "cut_off", "<think>half of", "finish_reason length"),
        ("refusal", "refusal", "I cannot judge a face.", "I cannot judge a face."),
        ("filter", "filtered", "", "finish_reason content_filter"),
        ("400:content_filter:blocked", "filtered", "", "HTTP 400 content_filter: blocked"),
        ("400:context_length_exceeded:too long", "failed", None, "HTTP 400 context_length_exceeded: too long"),
        ("400::image too large", "failed", None, "HTTP 400 an_error: image too large"),
        ("413::body too large", "failed", None, "HTTP 413 an_error: body too large"),
        ("toolarge", "failed", None, "HTTP 429 rate_limit_exceeded: Request too large for the model."),
    ],
)
def test_outcomes_of_one_request(
    stub: Stub, talk: Talk, behaviour: str, outcome: str, text: str | None, detail: str | None
) -> None:
    """A permanent outcome is asked once and recorded; the good rows beside it go on."""
    prompt = f"row ⟦{behaviour}⟧"
    stats = talk(openai(stub), "good", prompt)
    answer = talk.answers[prompt]
    assert (answer.outcome, answer.text, answer.detail) == (outcome, text, detail)
    assert stub.counts[prompt] == 1
    assert stats.asked == 2
    assert talk.answers["good"].outcome == "ok"


@pytest.mark.parametrize("trouble", ["500", "502", "408", "409", "reset", "truncated", "empty", "wrong", "429", "503"])
def test_passing_trouble_is_retried(stub: Stub, talk: Talk, trouble: str) -> None:
    prompt = f"row ⟦{trouble};{trouble};ok:at last⟧"
    stats = talk(openai(stub), "good", prompt)
    assert talk.answers[prompt].text == "at last"
    assert stub.counts[prompt] == 3
    assert stats.retried == 2


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        ("500", "HTTP 500 server_error: Something broke."),
        ("reset", "the connection broke"),
        ("truncated", "the answer is no whole JSON"),
        ("empty", "the answer holds no choice"),
        ("wrong", "the answer is no chat completion"),
    ],
)
def test_trouble_that_stays_is_failed_and_says_why(stub: Stub, talk: Talk, trouble: str, words: str) -> None:
    prompt = f"row ⟦{trouble}⟧"
    talk(openai(stub), "good", prompt, retries=2)
    answer = talk.answers[prompt]
    assert (answer.outcome, answer.text) == ("failed", None)
    assert answer.detail is not None
    assert answer.detail.startswith(f"given up after 3 tries: {words}")


@pytest.mark.parametrize("trouble", ["hang", "drip"])
def test_a_call_ends_in_time_even_when_a_byte_comes_now_and_then(stub: Stub, talk: Talk, trouble: str) -> None:
    begun, prompt = time.monotonic(), f"row ⟦{trouble};ok:at last⟧"
    talk(openai(stub, timeout=0.4), "good", prompt)
    assert talk.answers[prompt].text == "at last"
    assert time.monotonic() - begun < 3


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        ("401", "check the key in OPENAI_API_KEY"),
        ("403", "check the key in OPENAI_API_KEY"),
        ("404", "check that teacher is served at http://127.0.0.1"),
        ("400:model_not_found:no such model", "correct the name of the model"),
        ("quota", "add credit or raise the limit"),
        ("402", "add credit or raise the limit"),
        ("400::This model does not support image input", "take a model that sees pictures"),
        ("400::At most 0 image(s) may be provided in one prompt.", "take a model that sees pictures"),
        ("400:unsupported_value:temperature must be 1", "leave this option out of the recipe"),
        ("html", "this is a web page"),
        ("redirect:http://elsewhere.example/v1", "does not answer as an OpenAI API does"),
        ("405", "does not answer as an OpenAI API does"),
    ],
)
def test_what_meets_every_request_stops_the_run_and_is_not_recorded(
    stub: Stub, talk: Talk, behaviour: str, words: str
) -> None:
    with pytest.raises(FacialR1Error, match=words):
        talk(openai(stub), *(f"row {i} ⟦{behaviour}⟧" for i in range(100)))
    assert len(talk.journal) == 0
    assert stub.counts.total() <= 8, "one clear error, not a hundred"


def test_credit_that_ends_in_the_middle_keeps_everything(stub: Stub, talk: Talk) -> None:
    with pytest.raises(FacialR1Error, match="add credit"):
        talk(openai(stub), *(f"row {i}" for i in range(30)), "last ⟦quota;ok⟧", *(f"next {i}" for i in range(30)))
    kept = len(talk.journal)
    assert kept >= 30
    stats = talk(openai(stub), *(f"row {i}" for i in range(30)), "last ⟦quota;ok⟧", *(f"next {i}" for i in range(30)))
    assert stats.reused == kept
    assert stub.counts.total() == 62


def test_nothing_listens(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong address is said at once, not after five retries with growing pauses."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    backend, begun = create("openai", model="m", base_url=f"http://127.0.0.1:{port}/v1"), time.monotonic()
    with pytest.raises(FacialR1Error, match=f"nothing answers at http://127.0.0.1:{port}/v1"):
        talk(backend, "a", "b")
    assert time.monotonic() - begun < 3


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1:8000/v1", "ftp://host/v1", "http://", "nonsense", "http:///v1", "http://[x/v1"),
        *("http://h:99999/v1", "http://ä..b/v1"),
    ],
)
def test_an_address_that_is_none(address: str) -> None:
    with pytest.raises(UsageError, match="base_url is no address"):
        create("openai", model="m", base_url=address)


def test_a_password_in_the_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(UsageError, match=r"password for 127\.0\.0\.1.*OPENAI_API_KEY") as caught:
        create("openai", model="m", base_url="http://me:secret@127.0.0.1:8000/v1")
    assert "secret" not in str(caught.value)


def test_the_key_is_needed_elsewhere_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    with pytest.raises(UsageError, match=r"no key for api\.openai\.com.*export OPENAI_API_KEY"):
        create("openai", model="gpt-4o-mini")
    assert create("openai", model="m", base_url="http://localhost:9/v1").endpoint == "http://localhost:9/v1"
    monkeypatch.setenv("OPENAI_API_KEY", "sk-x")
    assert create("openai", model="gpt-4o-mini").endpoint == "https://api.openai.com/v1"


@pytest.mark.parametrize("key", ["schlüssel-9", "sk-one\nsk-two"])
def test_a_key_that_no_header_can_hold_is_said_and_not_repeated(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with pytest.raises(UsageError, match="OPENAI_API_KEY holds no key") as caught:
        create("openai", model="m", base_url="http://localhost:9/v1")
    assert key not in str(caught.value)
    assert "sk-" not in str(caught.value)


def test_the_endpoint_is_the_one_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The guard judges the endpoint; a variable that the official client reads must not slip past it."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-x")
    monkeypatch.setenv("OPENAI_BASE_URL", "https://proxy.example/v1")
    assert create("openai", model="m").endpoint == "https://proxy.example/v1"


def test_the_key_is_sent_and_appears_nowhere_else(
    stub: Stub, talk: Talk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    secret = "sk-very-secret-0123456789"
    monkeypatch.setenv("OPENAI_API_KEY", secret)
    caplog.set_level(logging.DEBUG)
    backend = openai(stub)
    talk(backend, "good", f"bad ⟦400::the key {secret} is odd⟧", "other ⟦500;ok⟧")
    assert stub.headers[0]["authorization"] == f"Bearer {secret}"
    with pytest.raises(FacialR1Error) as caught:
        talk(backend, f"row ⟦401::wrong key {secret}⟧")
    written = b"".join(path.read_bytes() for path in talk.journal.folder.rglob("*") if path.is_file())
    seen = (written.decode(), str(caught.value), caplog.text, repr(backend), str(vars(backend)))
    assert not any(secret in text for text in seen)


def test_half_a_key_in_an_error_is_not_repeated(stub: Stub, talk: Talk) -> None:
    with pytest.raises(FacialR1Error) as caught:
        talk(openai(stub), "row ⟦401⟧")
    assert "sk-abcd" not in str(caught.value)


def test_a_loopback_address_is_reached_directly(stub: Stub, talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy of the environment would carry the pictures to another machine."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    talk(openai(stub), "row")
    assert talk.answers["row"].outcome == "ok"


def test_a_redirect_is_not_followed(stub: Stub, talk: Talk) -> None:
    """Whoever answers at the address may not send the picture on to another one."""
    other = Stub().start()
    with pytest.raises(FacialR1Error, match="HTTP 307"):
        talk(openai(stub), f"row ⟦redirect:{other.url}/chat/completions⟧")
    assert other.counts.total() == 0
    other.stop()


def test_a_picture_is_read_and_encoded_once(stub: Stub, journal: Journal, about: Ask) -> None:
    backend = openai(stub)

    def then(request: Request, _answer: Answer) -> Iterable[Request]:
        return [about(backend, request.prompt, request.attempt + 1)] if request.attempt < 4 else []

    ask(backend, [about(backend, "row ⟦500;ok⟧"), about(backend, "twin")], journal, then=then, pause=0.001)
    assert stub.counts.total() == 11
    assert backend.pictures.encoded == 1  # type: ignore[attr-defined]


def test_another_picture_than_the_key_s_is_an_error(stub: Stub, talk: Talk, picture: Path, about: Ask) -> None:
    backend = openai(stub)
    request = about(backend, "row")
    picture.write_bytes(picture.read_bytes() + b"\0")
    with pytest.raises(CorruptState, match="not the one that was chosen"):
        ask(backend, [request], talk.journal)
    assert stub.counts.total() == 0


@pytest.mark.parametrize(
    ("content", "error", "words"),
    [
        (b"BM" + bytes(60), InputError, "no model reads such a picture"),
        (b"", PictureError, "no bytes"),
        (None, PictureError, "no such file"),
    ],
)
def test_a_picture_that_cannot_be_sent(
    stub: Stub, talk: Talk, tmp_path: Path, content: bytes | None, error: type[Exception], words: str
) -> None:
    path, backend = tmp_path / "odd", openai(stub)
    if content is not None:
        path.write_bytes(content)
    request = Request("row", "p", "h", None, path, None, backend.params)
    with pytest.raises(error, match=words):
        ask(backend, [request], talk.journal)
    assert stub.counts.total() == 0


@pytest.mark.parametrize(
    ("start", "kind"),
    [(b"\xff\xd8\xff\xe0", "jpeg"), (b"RIFF\x04\x00\x00\x00WEBP", "webp"), (b"GIF89a", "gif")],
)
def test_the_content_tells_the_kind_not_the_name(
    stub: Stub, journal: Journal, tmp_path: Path, start: bytes, kind: str
) -> None:
    path, backend = tmp_path / "face.png", openai(stub)
    path.write_bytes(start + bytes(20))
    ask(backend, [Request("row", "p", "h", None, path, None, backend.params)], journal)
    assert stub.bodies[0]["messages"][0]["content"][0]["image_url"]["url"].startswith(f"data:image/{kind};base64,")


def test_without_a_picture_no_picture_part_is_sent(stub: Stub, journal: Journal, about: Ask) -> None:
    backend = openai(stub)
    ask(backend, [about(backend, "row", image=None)], journal)
    assert [part["type"] for part in stub.bodies[0]["messages"][0]["content"]] == ["text"]


SCHEMA = {"type": "object", "properties": {"score": {"type": "integer"}}, "required": ["score"]}


def test_a_schema_is_sent_where_the_server_knows_it(stub: Stub, talk: Talk) -> None:
    talk(openai(stub, schema=SCHEMA), "a", "b", "c")
    assert all(body["response_format"]["json_schema"]["schema"] == SCHEMA for body in stub.bodies)
    assert stub.counts == {"a": 1, "b": 1, "c": 1}


@pytest.mark.parametrize("status", [400, 500])
def test_a_schema_is_probed_once_and_given_up(stub: Stub, talk: Talk, status: int) -> None:
    prompts = [f"{name} ⟦noschema:{status}⟧" for name in "abcdefghijkl"]
    talk(openai(stub, schema=SCHEMA), *prompts)
    assert all(answer.outcome == "ok" for answer in talk.answers.values())
    assert sum("response_format" in body for body in stub.bodies) == 1
    assert stub.counts.total() == 13


def test_a_bad_request_does_not_cost_the_others_their_schema(stub: Stub, talk: Talk) -> None:
    talk(openai(stub, schema=SCHEMA), "bad ⟦400::too long⟧", "b", "c", concurrency=1)
    assert [("response_format" in body) for body in stub.bodies] == [True, False, True, True]


def test_too_many_requests_does_not_cost_the_schema(stub: Stub, talk: Talk) -> None:
    talk(openai(stub, schema=SCHEMA), "a ⟦429;ok⟧", "b")
    assert all("response_format" in body for body in stub.bodies)


def test_the_newer_name_of_the_limit_is_learnt_from_one_refusal(stub: Stub, talk: Talk) -> None:
    talk(openai(stub, max_tokens=77), *(f"{name} ⟦newlimit⟧" for name in "abcdef"), concurrency=1)
    assert ["max_tokens" in body for body in stub.bodies] == [True] + [False] * 6
    assert all(body["max_completion_tokens"] == 77 for body in list(stub.bodies)[1:])


def test_the_newer_name_is_learnt_whatever_code_the_refusal_has(stub: Stub, talk: Talk) -> None:
    stats = talk(openai(stub), "row ⟦400:invalid_request:Use max_completion_tokens instead.;ok⟧")
    assert stats.outcomes == {"ok": 1}
    assert ["max_tokens" in body for body in stub.bodies] == [True, False]


def test_answers_without_counts_are_answers(stub: Stub, talk: Talk) -> None:
    assert talk(openai(stub), "row ⟦nousage⟧").usage == {}


def test_a_folder_as_model_does_not_leak_its_path(stub: Stub, talk: Talk) -> None:
    backend = create("openai", model="/home/me/runs/tiny", base_url=stub.url)
    talk(backend, "row")
    assert stub.bodies[0]["model"] == "/home/me/runs/tiny"
    assert talk.answers["row"].model == backend.model
    assert backend.model.startswith("tiny@")
    assert create("openai", model="/home/you/tiny", base_url=stub.url).model != backend.model


def test_one_backend_serves_several_runs(stub: Stub, talk: Talk) -> None:
    """Each run has an event loop of its own; connections of a closed one must not be used again."""
    backend = openai(stub)
    for name in "abc":
        talk(backend, name)
    assert stub.counts.total() == 3


@pytest.mark.parametrize(
    ("options", "words"),
    [({"detail": "medium"}, "one of low, high, auto"), ({"max_tokens": 0}, "positive"), ({"style": 1}, "only model")],
)
def test_wrong_options(options: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        create("openai", model="m", base_url="http://localhost:1/v1", **options)


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("max_tokens", "abc", "int"),
        ("timeout", "abc", "float"),
        ("top_p", float("nan"), "float"),
        ("schema", "abc", "Mapping"),
        ("seed", True, "int"),
    ],
)
def test_values_of_another_type(option: str, value: object, expected: str) -> None:
    with pytest.raises(UsageError, match=f"option {option} of the backend openai .*Expected: {expected}"):
        create("openai", model="m", base_url="http://localhost:1/v1", **{option: value})


def test_an_option_enters_the_key_as_it_was_written() -> None:
    """Turning 0 into 0.0 would have every answer of an earlier run asked again."""
    backend = create("openai", model="m", base_url="http://localhost:1/v1", temperature=0)
    assert str(backend.params["temperature"]) == "0"
