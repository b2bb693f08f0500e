"""Pictures leave this machine only with a reason."""

from __future__ import annotations

import pytest

from facial_r1.errors import UsageError
from facial_r1.inference.guard import guard, is_loopback


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://127.0.0.1:8000/v1",
        "http://127.8.9.1/v1",
        "http://localhost:1234/v1",
        "https://LOCALHOST/v1",
        "http://[::1]:8000/v1",
        "http://user:word@127.0.0.1/v1",
    ],
)
def test_loopback(endpoint: str) -> None:
    assert is_loopback(endpoint)
    assert guard({"bp4d": None}, endpoint) == {}


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://api.openai.com/v1",
        "http://localhost.example.com/v1",
        "http://127.0.0.1.example.com/v1",
        "http://127.0.0.1@example.com/v1",
        "http://example.com/127.0.0.1",
        "http://example.com#localhost",
        "http://example.com?localhost",
        "http://0.0.0.0:8000/v1",
        "http://10.0.0.5/v1",
        "http://192.168.1.2/v1",
        "http://[::ffff:8.8.8.8]/v1",
        "http://[bad/v1",
        "http://127.1/v1",
        "localhost:8000",
        "",
    ],
)
def test_not_loopback_or_in_doubt(endpoint: str) -> None:
    assert not is_loopback(endpoint)
    with pytest.raises(UsageError, match="pictures of bp4d would leave this machine"):
        guard({"bp4d": None, "fer2013": "public domain"}, endpoint)


def test_the_error_names_corpora_endpoint_and_what_to_write() -> None:
    with pytest.raises(UsageError) as caught:
        guard({"disfa": " ", "bp4d": None, "fer2013": "public"}, "https://me:secret@api.example/v1")
    text = str(caught.value)
    assert "pictures of bp4d, disfa would leave this machine" in text
    assert "https://api.example/v1" in text
    assert 'allow_send: {bp4d: "why the licence allows it", disfa:' in text
    assert "secret" not in text
    assert caught.value.exit_code == 2


def test_reasons_are_given_back_for_the_manifest() -> None:
    reasons = {"bp4d": "agreement of 3 May", "fer2013": "public"}
    assert guard(reasons, "https://api.openai.com/v1") == reasons
    assert guard({}, "https://api.openai.com/v1") == {}
    assert guard({"bp4d": None}, None) == {}
