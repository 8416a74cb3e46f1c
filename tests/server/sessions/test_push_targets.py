"""A session goes to the addresses that the operator named, and to nothing that only looks like them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lipsmith.errors import OptionError
from lipsmith.server.config import ServerSettings
from lipsmith.server.problems import Problem
from lipsmith.server.sessions.push_targets import allowed, parse_target, parse_targets

PLACES = parse_targets("rtmp://live.example.org/app/, rtmps://[2001:db8::1]:8443/in/eu, srt://10.0.0.9:9000")


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("rtmp://live.example.org/app/key", "rtmp://live.example.org/app/key"),
        ("RTMP://Live.Example.ORG:1935/app/key/", "rtmp://live.example.org/app/key"),
        ("rtmp://live.example.org/app/key?txSecret=0a&txTime=5f", "rtmp://live.example.org/app/key?txSecret=0a&txTime=5f"),
        ("rtmps://[2001:DB8:0::1]:8443/in/eu/key", "rtmps://[2001:db8::1]:8443/in/eu/key"),
        ("srt://10.0.0.9:9000?streamid=publish:live/key", "srt://10.0.0.9:9000?streamid=publish:live/key"),
    ],
)  # fmt: skip
def test_what_lies_below_is_allowed_and_put_together_anew(given: str, taken: str) -> None:
    assert allowed(given, PLACES) == taken


@pytest.mark.parametrize(
    "address",
    [
        "rtmp://live.example.org/application/key",  # begins alike
        "rtmp://live.example.org/App/key",
        "rtmp://live.example.org/",
        "rtmp://live.example.org:1936/app/key",
        "rtmps://live.example.org/app/key",
        "rtmp://live.example.org.evil.example/app/key",
        "rtmp://live.example.org./app/key",
        "rtmp://evil.example/live.example.org/app/key",
        "rtmp://127.0.0.1/app/key",
        "rtmps://[2001:db8::2]:8443/in/eu/key",
        "rtmps://[2001:db8::1]:8443/in/key",
        "srt://10.0.0.9:9001?streamid=key",
        "srt://10.0.0.10:9000",
    ],
)
def test_what_lies_elsewhere_is_refused(address: str) -> None:
    with pytest.raises(Problem, match="not below") as refused:
        allowed(address, PLACES)
    assert refused.value.kind == "push-refused"


@pytest.mark.parametrize(
    "address",
    [
        "rtmp://user:word@live.example.org/app/key",
        "rtmp://live.example.org@evil.example/app/key",
        "rtmp://live.example.org:1935@evil.example/app/key",
        "rtmp://live.example.org\\@evil.example/app/key",
        "rtmp://live.example.org#@evil.example/app/key",
        "rtmp://live.example.org/app/../admin/key",
        "rtmp://live.example.org/app/./key",
        "rtmp://live.example.org/app/%2e%2e/admin",
        "rtmp://live.example.org/app//key",
        "rtmp://live.example.org/app/key%00",
        "rtmp://live.example.org/app/key\n",
        "rt\tmp://live.example.org/app/key",
        " rtmp://live.example.org/app/key",
        "rtmp://live.example.org/app/key listen=1",
        "rtmp://live.example.org/app/key#x",
        "rtmp://live.example.org/app/key?slist=other",
        "rtmp://live.example.org:0/app/key",
        "rtmp://live.example.org:65536/app/key",
        "rtmp://live.example.org:١٩٣٥/app/key",
        "rtmp://lıve.example.org/app/key",
        "rtmp:///app/key",
        "rtmp:live.example.org/app/key",
        "rtmps://[::g]:8443/in/eu/key",
        "srt://10.0.0.9?streamid=key",
        "srt://10.0.0.9:9000?mode=listener",
        "srt://10.0.0.9:9000?streamid=key&mode=listener",
        "srt://10.0.0.9:9000/etc/passwd",
        "file:///etc/passwd",
        "http://live.example.org/app/key",
        "tee:rtmp://live.example.org/app/key|f=/tmp/x",
        "async:rtmp://live.example.org/app/key",
        "crypto+rtmp://live.example.org/app/key",
        "rtmpt://live.example.org/app/key",
        "rtmp://live.example.org/app/" + "k" * 70_000 + "\\",
        "",
    ],
)
def test_what_has_another_meaning_to_somebody_is_no_address(address: str) -> None:
    with pytest.raises(OptionError, match="cannot be pushed to") as refused:
        allowed(address, PLACES)
    assert "key" not in str(refused.value).replace("rtmp://host/app/key", "")


def test_without_the_operators_word_nothing_is_pushed() -> None:
    for address in ("rtmp://live.example.org/app/key", "no address"):
        with pytest.raises(Problem, match="pushes nowhere"):
            allowed(address, ServerSettings().push_places)


@pytest.mark.parametrize(
    "text", ["rtmp://host/app,file:///etc", "rtmp://u:p@host/app/", "rtmp://host/app?x=1", "srt://host"]
)
def test_places_that_cannot_be_are_refused_when_the_server_starts(text: str) -> None:
    with pytest.raises(OptionError):
        ServerSettings(push_to=text)


WORDS = ["rtmp", "://", "live.example.org", "evil", "/", "app", "..", ".", "@", ":", "%2f", "\\", "?", "#", "[", "]"]
PARTS = st.lists(st.sampled_from([*WORDS, "1935", "key", "=", "&", " "]), max_size=14)


@given(PARTS)
def test_what_is_allowed_reads_the_same_to_the_library(parts: list[str]) -> None:
    """Whatever is put together, what comes out is read as the operator's host and path by ``urlsplit`` too."""
    from urllib.parse import urlsplit

    address = "".join(["rtmp://live.example.org/app/", *parts])
    try:
        taken = urlsplit(allowed(address, PLACES))
    except (OptionError, Problem):
        return
    assert (taken.scheme, taken.netloc, taken.fragment) == ("rtmp", "live.example.org", "")
    assert taken.path.startswith("/app")
    assert parse_target(taken.geturl()) == parse_target(address)
