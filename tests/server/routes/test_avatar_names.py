"""Avatars by name: given at the start, changed later; their picture in full size."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from tests.support.live_server import FAKE, Served, make_avatar, opened, over


def make_named(served: Served, portrait: bytes, **form: str) -> str:
    """The id of a new avatar of Alice's."""
    made = served.alice.post("/v1/avatars", files={"picture": ("p.jpg", portrait)}, data={"options": FAKE, **form})
    assert made.status_code == 202, made.text
    assert over(served.alice, made.json()["id"])["state"] == "done"
    return str(made.json()["request"]["avatar"])


def test_an_avatar_gets_its_id_from_its_name(served: Served, portrait: bytes) -> None:
    first = make_named(served, portrait, name="  Zoë am Schreibtisch! ")
    second = make_named(served, portrait, name="Zoe am Schreibtisch")
    chinese = make_named(served, portrait, name="小明")
    assert (first, second) == ("zoe-am-schreibtisch", "zoe-am-schreibtisch-2")
    names = {one["id"]: one["name"] for one in served.alice.get("/v1/avatars").json()["avatars"]}
    assert (names[first], names[second], names[chinese]) == ("Zoë am Schreibtisch!", "Zoe am Schreibtisch", "小明")
    for one in (first, second, chinese):
        assert served.alice.delete(f"/v1/avatars/{one}").status_code == 204


def test_a_new_name_leaves_links_and_live_sessions_alone(served: Served, portrait: bytes) -> None:
    make_avatar(served.alice, portrait, "anon")
    tag = served.alice.get("/v1/avatars/anon/poster").headers["etag"]
    with opened(served.alice, "anon") as session:
        renamed = served.alice.patch("/v1/avatars/anon", json={"name": "Anna <b>at</b> home 🏡"})
        assert (renamed.status_code, renamed.json()["id"]) == (200, "anon")
        assert renamed.json()["name"] == "Anna <b>at</b> home 🏡"
        assert served.alice.get(session["links"]["self"]).status_code == 200
    assert served.alice.get("/v1/avatars/anon").json()["name"] == "Anna <b>at</b> home 🏡"
    assert served.alice.get("/v1/avatars/anon/poster").headers["etag"] == tag
    assert served.bob.patch("/v1/avatars/anon", json={"name": "mine"}).status_code == 404
    assert served.alice.delete("/v1/avatars/anon").status_code == 204
    assert not (served.running.data / "avatars" / "alice" / "anon").exists()


@pytest.mark.parametrize("name", ["", "  ", "x" * 81, "a\nb", "a\x00b", "a\u202eb"])
def test_a_name_that_nobody_could_read_is_refused(served: Served, portrait: bytes, name: str) -> None:
    assert served.alice.patch("/v1/avatars/nobody", json={"name": name}).json()["type"] == "invalid"
    form = {"options": FAKE, "name": name or " "}
    refused = served.alice.post("/v1/avatars", files={"picture": ("p.jpg", portrait)}, data=form)
    assert (refused.status_code, refused.json()["type"]) == (422, "invalid")


def test_the_poster_is_the_whole_picture_and_comes_once(served: Served, portrait: bytes) -> None:
    make_avatar(served.alice, portrait, "poster")
    answer = served.alice.get("/v1/avatars/poster").json()
    poster = served.alice.get(answer["links"]["poster"])
    assert (poster.status_code, poster.headers["content-type"]) == (200, "image/jpeg")
    with Image.open(io.BytesIO(poster.content)) as shown, Image.open(io.BytesIO(portrait)) as given:
        assert list(shown.size) == answer["size"] == list(given.size)
        apart = np.abs(np.asarray(shown.convert("RGB"), float) - np.asarray(given.convert("RGB"), float))
    assert apart.mean() < 3  # of 255
    again = served.alice.get(answer["links"]["poster"], headers={"If-None-Match": poster.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["cache-control"] == "private, no-cache"
    assert served.bob.get(answer["links"]["poster"]).status_code == 404
    assert served.alice.delete("/v1/avatars/poster").status_code == 204
