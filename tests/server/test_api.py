"""The API as a client meets it, over a real connection."""

from __future__ import annotations

import base64
import io
import json
import os
from pathlib import Path

import av
import httpx
import pytest
from PIL import Image

from tests.support.live_server import FAKE, Served, over, until


def upload(portrait: bytes, speech: bytes | None = None, name: str = "portrait.jpg") -> dict[str, tuple[str, bytes]]:
    files = {"picture": (name, portrait)}
    return {**files, "speech": ("speech.wav", speech)} if speech is not None else files


def names_below(folder: Path) -> set[str]:
    """Of all files and folders; those may go that are being looked at."""
    return {name for _, folders, files in os.walk(folder) for name in (*folders, *files)}


def check_problem(answer: httpx.Response, status: int, kind: str) -> str:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert (body["status"], body["type"]) == (status, kind)
    return str(body["detail"])


@pytest.fixture(scope="module")
def done(served: Served, portrait: bytes, speech: bytes) -> str:
    """The id of a job of Alice's that is done."""
    job = served.dub(portrait, speech)
    assert over(served.alice, job["id"])["state"] == "done"
    return str(job["id"])


def test_a_dub_becomes_a_film(served: Served, done: str) -> None:
    job = served.alice.get(f"/v1/jobs/{done}").json()
    assert (job["progress"], job["attempts"], job["report"]["engine"]) == (1.0, 1, "fake")
    assert job["report"]["frames"] == job["report"]["rendered"] == 15
    answer = served.alice.get(job["links"]["result"])
    assert (answer.status_code, answer.headers["content-type"]) == (200, "video/mp4")
    assert answer.headers["content-disposition"] == f'inline; filename="portrait-{done[:4]}.mp4"'
    with av.open(io.BytesIO(answer.content)) as film:
        assert sum(1 for _ in film.decode(video=0)) == 15


def test_ranges_of_the_result_make_the_whole(served: Served, done: str) -> None:
    path = f"/v1/jobs/{done}/result"
    whole = served.alice.get(path).content
    first = served.alice.get(path, headers={"Range": "bytes=0-99"})
    rest = served.alice.get(path, headers={"Range": "bytes=100-"})
    assert (first.status_code, rest.status_code) == (206, 206)
    assert first.headers["content-range"] == f"bytes 0-99/{len(whole)}"
    assert first.content + rest.content == whole
    head = served.alice.head(path)
    assert (head.status_code, head.content, int(head.headers["content-length"])) == (200, b"", len(whole))


@pytest.mark.parametrize(
    ("wanted", "status", "kind"),
    [("bytes=999999999-", 416, "requested-range-not-satisfiable"), ("bytes=x", 400, "bad-request")],
)
def test_ranges_that_cannot_be_are_told_of(served: Served, done: str, wanted: str, status: int, kind: str) -> None:
    answer = served.alice.get(f"/v1/jobs/{done}/result", headers={"Range": wanted})
    check_problem(answer, status, kind)
    size = served.alice.head(f"/v1/jobs/{done}/result").headers["content-length"]
    assert answer.headers.get("content-range") == (f"bytes */{size}" if status == 416 else None)


def test_what_is_no_call_is_told_apart_from_a_call_of_another_method(served: Served) -> None:
    for method in ("GET", "POST", "DELETE"):
        check_problem(served.alice.request(method, "/v1/nothing"), 404, "not-found")
    answer = served.alice.put("/v1/sessions")
    check_problem(answer, 405, "method-not-allowed")
    assert "HEAD" not in answer.headers["allow"]
    check_problem(served.alice.post("/nothing"), 405, "method-not-allowed")


def test_events_tell_of_the_job_until_it_is_over(served: Served, portrait: bytes, speech: bytes) -> None:
    job = served.dub(portrait, speech)["id"]
    told = []
    with served.alice.stream("GET", f"/v1/jobs/{job}/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        told = [json.loads(line[6:]) for line in answer.iter_lines() if line.startswith("data: ")]
    assert told[-1]["state"] == "done"
    assert [one["progress"] for one in told] == sorted(one["progress"] for one in told)


def test_another_client_sees_nothing_of_it(served: Served, done: str) -> None:
    for method, path in [
        ("GET", ""),
        ("GET", "/result"),
        ("GET", "/events"),
        ("POST", "/cancel"),
        ("POST", "/token"),
        ("DELETE", ""),
    ]:
        check_problem(served.bob.request(method, f"/v1/jobs/{done}{path}"), 404, "not-found")
    hers, his = (
        {job["id"] for job in who.get("/v1/jobs?limit=100").json()["jobs"]} for who in (served.alice, served.bob)
    )
    assert done in hers
    assert not hers & his


def test_a_token_opens_the_result_for_a_video_element(served: Served, done: str) -> None:
    token = served.alice.post(f"/v1/jobs/{done}/token").json()
    with served.running.client() as stranger:
        assert stranger.get(token["url"]).status_code == 200
        check_problem(stranger.get(f"/v1/jobs/{done}/result"), 401, "unauthorized")
        check_problem(stranger.get(token["url"] + "x"), 401, "unauthorized")


def test_pages_of_jobs_follow_one_another(served: Served, done: str, portrait: bytes, speech: bytes) -> None:
    over(served.alice, served.dub(portrait, speech)["id"])
    first = served.alice.get("/v1/jobs?limit=1").json()
    second = served.alice.get(first["next"]).json()
    assert len(first["jobs"]) == len(second["jobs"]) == 1
    assert first["jobs"][0]["created"] > second["jobs"][0]["created"]


def test_cancelling_stops_it_and_deleting_forgets_it(served: Served, portrait: bytes, long_speech: bytes) -> None:
    job = served.dub(portrait, long_speech)["id"]
    until(lambda: served.alice.get(f"/v1/jobs/{job}").json()["state"] == "running")
    assert served.alice.post(f"/v1/jobs/{job}/cancel").json()["state"] == "cancelled"
    check_problem(served.alice.get(f"/v1/jobs/{job}/result"), 409, "no-result")
    assert served.alice.post(f"/v1/jobs/{job}/cancel").json()["state"] == "cancelled"
    assert served.alice.delete(f"/v1/jobs/{job}").status_code == 204
    check_problem(served.alice.get(f"/v1/jobs/{job}"), 404, "not-found")
    until(lambda: not (served.running.data / "jobs" / job).exists())


def test_a_client_may_have_so_many_jobs_and_others_go_on(
    served: Served, portrait: bytes, long_speech: bytes, speech: bytes
) -> None:
    jobs = [served.dub(portrait, long_speech)["id"] for _ in range(4)]
    try:
        answer = served.alice.post("/v1/jobs", files=upload(portrait, speech), data={"options": FAKE})
        check_problem(answer, 429, "too-many-jobs")
        assert int(answer.headers["retry-after"]) > 0
        until(lambda: served.alice.get(f"/v1/jobs/{jobs[-1]}").json()["position"] == 2)  # the first one is begun
        answer = served.bob.post("/v1/jobs", files=upload(portrait, speech), data={"options": FAKE})
        assert answer.status_code == 202
        served.bob.delete(answer.headers["location"])
    finally:
        for job in jobs:
            served.alice.delete(f"/v1/jobs/{job}")


@pytest.fixture(scope="module")
def long_speech() -> bytes:
    from tests.support.live_server import tone

    return tone(115)


def test_a_picture_without_a_face_fails_with_its_reason(served: Served, speech: bytes) -> None:
    blank = io.BytesIO()
    Image.new("RGB", (200, 200), "white").save(blank, "PNG")
    job = over(served.alice, served.dub(blank.getvalue(), speech)["id"])
    assert (job["state"], job["problem"]["type"], job["problem"]["status"]) == ("failed", "face-error", 422)
    assert str(served.running.data) not in json.dumps(job)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "picture-error"),
        (b"", "picture-error"),
        (b"<svg/>", "picture-error"),
    ],
)
def test_uploads_that_are_no_pictures_are_refused_at_once(
    served: Served, speech: bytes, content: bytes, kind: str
) -> None:
    answer = served.alice.post("/v1/jobs", files=upload(content, speech), data={"options": FAKE})
    detail = check_problem(answer, 422, kind)
    assert str(served.running.data) not in detail
    assert detail.startswith("picture ")


def test_a_portrait_alone_has_nothing_to_say(served: Served, portrait: bytes) -> None:
    check_problem(served.alice.post("/v1/jobs", files=upload(portrait)), 422, "sound-error")


@pytest.mark.parametrize(
    "name", ["../../../etc/cron.d/x", "..\\..\\x", "/etc/passwd", "a\x00b", "x" * 3000, "..", "картина.jpg"]
)
def test_names_of_uploads_are_shown_and_never_used(served: Served, portrait: bytes, speech: bytes, name: str) -> None:
    before = names_below(served.running.data)
    answer = served.alice.post("/v1/jobs", files=upload(portrait, speech, name), data={"options": FAKE})
    assert answer.status_code == 202
    shown = answer.json()["request"]["picture"]
    assert "/" not in shown
    assert "\\" not in shown
    assert len(shown) <= 120
    job = answer.json()["id"]
    new = names_below(served.running.data) - before
    assert new - {job} <= {"picture", "speech", "attempt-1", "report.json", "film.mp4", "result"} | {
        one for one in new if one.endswith(".part") or "film" in one
    }
    served.alice.delete(f"/v1/jobs/{job}")


@pytest.mark.parametrize(
    "path",
    [
        "/v1/jobs/../../etc/passwd",
        "/v1/jobs/%2e%2e%2f%2e%2e/result",
        "/v1/jobs/ABCDEF/result",
        "/v1/jobs/0123/result",
        "/%2e%2e/pyproject.toml",
        "/..%2f..%2fjobs.sqlite",
    ],
)
def test_paths_lead_nowhere_else(served: Served, path: str) -> None:
    answer = served.alice.get(path)
    assert answer.status_code in (404, 422)
    assert answer.headers["content-type"] == "application/problem+json"


def test_too_much_is_refused(served: Served, portrait: bytes) -> None:
    """The server may hang up while it is still being sent to."""
    try:
        answer = served.alice.post("/v1/jobs", files=upload(portrait, bytes(6_000_000)))
    except httpx.TransportError:
        return
    check_problem(answer, 413, "too-large")


@pytest.mark.parametrize(
    ("options", "said"),
    [('{"engin": "fake"}', "Did you mean 'engine'"), ("[", "not JSON"), ('{"engine": "wrap"}', "Did you mean 'warp'")],
)
def test_wrong_options_name_the_right_ones(
    served: Served, portrait: bytes, speech: bytes, options: str, said: str
) -> None:
    answer = served.alice.post("/v1/jobs", files=upload(portrait, speech), data={"options": options})
    assert said in check_problem(answer, 422, "option-error")


def test_a_form_without_its_picture_is_told(served: Served) -> None:
    assert "picture" in check_problem(served.alice.post("/v1/jobs", data={"options": "{}"}), 422, "invalid")


def test_a_preview_shows_who_speaks_and_how(served: Served, portrait: bytes, speech: bytes) -> None:
    seen = served.bob.post("/v1/previews", files=upload(portrait, speech)).json()
    (face,) = seen["faces"]
    x0, y0, x1, y1 = face["box"]
    assert face["speaks"]
    assert 150 < x0 < x1 < 300
    assert 40 < y0 < y1 < 200
    assert seen["size"] == [512, 512]
    for kind in ("view", "sheet"):
        head, _, data = seen[kind].partition(",")
        assert head.endswith(";base64")
        with Image.open(io.BytesIO(base64.b64decode(data))) as picture:
            picture.load()
            assert min(picture.size) > 100
    assert {path.name for path in (served.running.data / "incoming").glob("*/*")} == {"alive"}


def test_a_preview_without_speech_or_face_has_no_sheet(served: Served, portrait: bytes) -> None:
    blank = io.BytesIO()
    Image.new("RGB", (64, 64)).save(blank, "PNG")
    for picture, faces in [(portrait, 1), (blank.getvalue(), 0)]:
        seen = served.alice.post("/v1/previews", files=upload(picture)).json()
        assert (len(seen["faces"]), seen["sheet"]) == (faces, None)


def test_a_preview_with_other_options_says_what_is_wrong(served: Served, portrait: bytes) -> None:
    answer = served.alice.post("/v1/previews", files=upload(portrait), data={"options": '{"faces": "3"}'})
    check_problem(answer, 422, "option-error")


def test_signs_of_life(served: Served, done: str) -> None:
    with served.running.client() as anyone:
        assert anyone.get("/healthz").json() == {"status": "ok"}
        assert anyone.get("/readyz").json() == {"status": "ready"}
        check_problem(anyone.get("/metrics"), 401, "unauthorized")
    text = served.operator.get("/metrics").text
    assert 'lipsmith_jobs{state="done"}' in text
    assert 'lipsmith_requests_total{method="GET",route="/v1/jobs/{job}",status="200"}' in text
    assert 'lipsmith_job_seconds_count{kind="dub"}' in text
    assert done not in text


def test_every_answer_wears_its_headers(served: Served) -> None:
    with served.running.client() as anyone:
        for answer in (anyone.get("/healthz"), anyone.get("/v1/jobs"), anyone.get("/none")):
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
            assert "server" not in answer.headers


def test_about_names_limits_and_engines(served: Served) -> None:
    about = served.alice.get("/v1/about").json()
    assert (about["upload_mb"], about["needs_key"]) == (5, True)
    engines = {engine["name"]: engine for engine in about["engines"]}
    warp = engines["warp"]
    assert warp["unavailable"] is None
    assert "/" not in (engines["musetalk"]["unavailable"] or "").partition(" are not in ")[2].partition("`")[0]
    assert "folders `" not in (engines["musetalk"]["unavailable"] or "")
    options = {one["name"]: one for one in warp["options"]}
    assert options["gain"]["default"] == pytest.approx(1.0)
    assert options["speech_encoder"]["choices"] == ["auto", "whisper", "small"]


def test_the_data_folder_is_for_its_owner_alone(served: Served) -> None:
    inside = [Path(served.running.data / name) for name in ("jobs", "incoming")]
    assert [path.stat().st_mode & 0o077 for path in inside] == [0, 0]


@pytest.fixture(scope="module")
def anna(served: Served, portrait: bytes) -> str:
    """An avatar of Alice's."""
    form = {"id": "studio-portrait", "options": FAKE}  # the calls of docs/server.md make an "anna"
    answer = served.alice.post("/v1/avatars", files={"picture": ("anna.jpg", portrait)}, data=form)
    assert answer.status_code == 202, answer.text
    job = over(served.alice, answer.json()["id"])
    assert job["state"] == "done", job
    assert (job["kind"], job["request"]["picture"], job["links"]["result"]) == ("avatar", "anna.jpg", None)
    return "studio-portrait"


def test_an_avatar_is_shown_and_listed(served: Served, anna: str) -> None:
    shown = served.alice.get(f"/v1/avatars/{anna}").json()
    assert (shown["size"], shown["engine"], shown["faces"]) == ([512, 512], "fake", 1)
    assert shown in served.alice.get("/v1/avatars").json()["avatars"]
    sheet = served.alice.get(shown["links"]["preview"])
    assert sheet.headers["content-type"] == "image/png"
    with Image.open(io.BytesIO(sheet.content)) as picture:
        assert min(picture.size) > 100


def test_an_avatar_speaks(served: Served, anna: str, speech: bytes) -> None:
    answer = served.alice.post(
        "/v1/jobs", files={"speech": ("s.wav", speech)}, data={"avatar": anna, "options": '{"crf": 30}'}
    )
    assert answer.status_code == 202, answer.text
    job = over(served.alice, answer.json()["id"])
    assert (job["state"], job["report"]["frames"], job["request"]["avatar"]) == ("done", 15, anna)
    assert served.alice.get(job["links"]["result"]).status_code == 200


def test_an_avatar_is_its_owners_alone(served: Served, anna: str, speech: bytes) -> None:
    assert anna not in [one["id"] for one in served.bob.get("/v1/avatars").json()["avatars"]]
    for method, path in [("GET", ""), ("GET", "/preview"), ("DELETE", "")]:
        check_problem(served.bob.request(method, f"/v1/avatars/{anna}{path}"), 404, "not-found")
    answer = served.bob.post("/v1/jobs", files={"speech": ("s.wav", speech)}, data={"avatar": anna})
    check_problem(answer, 404, "not-found")


def test_a_name_is_given_once_and_free_again_when_deleted(served: Served, portrait: bytes) -> None:
    def create() -> httpx.Response:
        return served.bob.post(
            "/v1/avatars", files={"picture": ("b.jpg", portrait)}, data={"id": "ben", "options": FAKE}
        )

    assert over(served.bob, create().json()["id"])["state"] == "done"
    check_problem(create(), 409, "exists")
    assert served.bob.delete("/v1/avatars/ben").status_code == 204
    check_problem(served.bob.get("/v1/avatars/ben"), 404, "not-found")


@pytest.mark.parametrize("name", ["../anna", "", "Anna", ".locks", "a" * 64, "con/x", "anna\n"])
def test_names_that_are_none_are_refused(served: Served, portrait: bytes, name: str) -> None:
    answer = served.alice.post("/v1/avatars", files={"picture": ("a.jpg", portrait)}, data={"id": name or "-"})
    check_problem(answer, 422, "invalid")


def test_a_dub_wants_a_picture_or_an_avatar(served: Served, anna: str, portrait: bytes, speech: bytes) -> None:
    check_problem(served.alice.post("/v1/jobs", files={"speech": ("s.wav", speech)}), 422, "invalid")
    both = served.alice.post("/v1/jobs", files=upload(portrait, speech), data={"avatar": anna})
    check_problem(both, 422, "invalid")
    answer = served.alice.post("/v1/jobs", data={"avatar": anna})
    check_problem(answer, 422, "sound-error")
    answer = served.alice.post("/v1/jobs", files={"speech": ("s.wav", speech)}, data={"avatar": anna, "options": FAKE})
    check_problem(answer, 422, "option-error")
