"""Who gets in, and from where: the middleware of keys and tokens over a bare application."""

from __future__ import annotations

import pytest
from starlette.types import ASGIApp

from lipsmith.server.auth.keys import Keys, new_key, read_keys
from lipsmith.server.auth.middleware import AuthMiddleware
from lipsmith.server.auth.tokens import Signer
from lipsmith.server.config import ServerSettings
from lipsmith.server.connections import ConnectionTable
from tests.support.bare_app import ask, bare

KEY, LINE = new_key("alice")
KNOWN = read_keys(None, LINE)
SIGNER = Signer(b"secret")


def guarded(keys: Keys = KNOWN, **options: str | bool) -> ASGIApp:
    table = ConnectionTable(most=8, own=4, keyless=8)
    return AuthMiddleware(bare(), ServerSettings(**options), keys, SIGNER, table)  # type: ignore[arg-type]


def bearer(word: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {word}"}


def test_a_known_key_gets_in_under_its_name() -> None:
    assert ask(guarded(), "GET", "/v1/jobs", headers=bearer(KEY)).json()["owner"] == "alice"


@pytest.mark.parametrize(
    "headers", [{}, bearer("lsk_wrong"), bearer(""), {"Authorization": KEY}, {"Authorization": f"Basic {KEY}"}]
)
def test_without_a_known_key_nobody_gets_in(headers: dict[str, str]) -> None:
    answer = ask(guarded(), "GET", "/v1/jobs", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_key_in_the_address_is_none() -> None:
    assert ask(guarded(), "GET", f"/v1/jobs?token={KEY}").status_code == 401


@pytest.mark.parametrize("path", ["/", "/healthz", "/readyz", "/v1/openapi.json", "/studio.js"])
def test_pages_and_signs_of_life_want_no_key(path: str) -> None:
    assert ask(guarded(), "GET", path).status_code == 200


def test_the_metrics_want_an_operators_key_which_opens_nothing_else() -> None:
    operator, line = new_key("prometheus", operator=True)
    app = guarded(read_keys(None, f"{LINE};{line}"))
    assert ask(app, "GET", "/metrics").status_code == 401
    assert ask(app, "GET", "/metrics", headers=bearer("lsk_wrong")).status_code == 401
    refused = ask(app, "GET", "/metrics", headers=bearer(KEY))
    assert (refused.status_code, refused.json()["type"]) == (403, "operators-only")
    assert ask(app, "GET", "/metrics", headers=bearer(operator)).json()["owner"] == "prometheus"
    assert ask(app, "GET", "/v1/jobs", headers=bearer(operator)).status_code == 401
    assert ask(guarded(Keys()), "GET", "/metrics").status_code == 200  # on this machine alone


def test_a_token_reads_its_job_and_nothing_else() -> None:
    token, _ = SIGNER.token("jobs/ab", "bob")
    assert ask(guarded(), "GET", f"/v1/jobs/ab/result?token={token}").json()["owner"] == "bob"
    assert ask(guarded(), "GET", "/v1/jobs/ab", headers=bearer(token)).json()["owner"] == "bob"
    assert ask(guarded(), "GET", f"/v1/jobs/cd/result?token={token}").status_code == 401
    assert ask(guarded(), "GET", f"/v1/jobs?token={token}").status_code == 401
    assert ask(guarded(), "DELETE", f"/v1/jobs/ab?token={token}").status_code == 401


def test_a_session_token_may_act_on_its_session() -> None:
    token, _ = SIGNER.token("sessions/ab", "bob")
    assert ask(guarded(), "POST", "/v1/sessions/ab/speak", headers=bearer(token)).json()["owner"] == "bob"
    assert ask(guarded(), "POST", "/v1/sessions/cd/speak", headers=bearer(token)).status_code == 401
    assert ask(guarded(), "DELETE", "/v1/sessions/ab", headers=bearer(token)).json()["owner"] == "bob"


@pytest.mark.parametrize("what", ["pushes", "recordings"])
def test_a_session_token_sends_it_nowhere_and_keeps_no_film(what: str) -> None:
    token, _ = SIGNER.token("sessions/ab", "bob")
    assert ask(guarded(), "GET", f"/v1/sessions/ab/{what}", headers=bearer(token)).json()["owner"] == "bob"
    for method, path in (("POST", what), ("POST", f"{what}/1/stop"), ("DELETE", f"{what}/1"), ("POST", f"/{what}")):
        assert ask(guarded(), method, f"/v1/sessions/ab/{path}", headers=bearer(token)).status_code == 401


def test_an_old_token_is_none() -> None:
    token, _ = SIGNER.token("jobs/ab", "bob", life=-1)
    assert ask(guarded(), "GET", f"/v1/jobs/ab?token={token}").status_code == 401


def test_without_keys_only_names_of_this_machine_are_answered() -> None:
    """A site whose name was made to point to 127.0.0.1 cannot read what is here."""
    open_app = guarded(Keys())
    assert ask(open_app, "GET", "/v1/jobs").json()["owner"] == "local"
    assert ask(open_app, "GET", "/v1/jobs", base="http://localhost:8080").status_code == 200
    assert ask(open_app, "GET", "/v1/jobs", base="http://rebound.example:8080").status_code == 421
    assert ask(guarded(Keys(), insecure=True), "GET", "/v1/jobs", base="http://box.lan").status_code == 200


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("https://evil.example", 403),
        ("null", 403),
        ("http://[", 403),  # no address
        ("http://127.0.0.1:80", 200),
        ("https://good.example", 200),
    ],
)
def test_pages_of_other_sites_cannot_act(origin: str, status: int) -> None:
    app = guarded(Keys(), cors="https://good.example")
    base = "http://127.0.0.1:80"
    assert ask(app, "POST", "/v1/jobs", base, headers={"Origin": origin, "Host": "127.0.0.1:80"}).status_code == status


@pytest.mark.parametrize("host", ["[", "[::1", "a]b", ""])
def test_a_host_that_is_no_address_is_none_of_this_machine(host: str) -> None:
    assert ask(guarded(Keys()), "GET", "/v1/jobs", headers={"Host": host}).status_code == 421
