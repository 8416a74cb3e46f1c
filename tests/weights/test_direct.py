"""Files that are published outside the hub come from their own address, go on where they stopped, and are compared."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from lipsmith.errors import InputError, WeightsMissing
from lipsmith.weights import Catalogue, OfficialFile, Part, direct
from lipsmith.weights.fetch import STAGING_FOLDER, checksum_mismatch, fetch, import_folder

BODY = bytes(range(256)) * 400


class Publisher(ThreadingHTTPServer):
    """Serves one file under two names; may stop in the middle, or take no ranges."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.asked: list[str | None] = []
        self.stop_at = 0  # bytes; 0: it comes whole
        self.ranges = True
        self.body = BODY


class Answer(BaseHTTPRequestHandler):
    server: Publisher

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        self.server.asked.append(asked)
        if not self.path.startswith("/files/"):
            self.send_error(404)
            return
        start = int(asked[6:].split("-")[0]) if asked and self.server.ranges else 0
        rest = self.server.body[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        self.wfile.write(rest[: self.server.stop_at or len(rest)])


@pytest.fixture
def publisher(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Publisher]:
    monkeypatch.setenv("LIPSMITH_MODELS", str(tmp_path / "models"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Publisher() as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server
        server.shutdown()


def part(publisher: Publisher, folder: str = "files", sha256: str = hashlib.sha256(BODY).hexdigest()) -> Part:
    address = f"http://127.0.0.1:{publisher.server_port}/{folder}"
    files = [OfficialFile(name, len(BODY), address, name, sha256) for name in ("net.bin", "beside.bin")]
    return Part("net", "a net", ("net",), (files[0],), "MIT", (files[1],))


def test_both_files_come_without_the_hub(publisher: Publisher, tmp_path: Path) -> None:
    wanted = part(publisher)
    (found,) = fetch([wanted], Catalogue((wanted,)), endpoint="http://127.0.0.1:9/nobody")
    assert found.path == tmp_path / "models" / "net" / "net.bin"
    assert [(found.folder / name).read_bytes() for name in ("net.bin", "beside.bin")] == [BODY, BODY]
    assert not (tmp_path / "models" / STAGING_FOLDER).exists()


@pytest.mark.parametrize("ranges", [True, False])
def test_a_download_that_stopped_goes_on(publisher: Publisher, ranges: bool) -> None:
    wanted = part(publisher)
    publisher.stop_at = 1000
    with pytest.raises(WeightsMissing, match=r"goes on where it stopped.*\n +http://127.0.0.1:\d+/files/net.bin"):
        fetch([wanted], Catalogue((wanted,)))
    publisher.stop_at, publisher.ranges = 0, ranges
    publisher.asked.clear()
    (found,) = fetch([wanted], Catalogue((wanted,)))
    assert found.path.read_bytes() == BODY
    assert publisher.asked[0] == "bytes=1000-"


def test_what_is_absent_or_another_file_is_told(publisher: Publisher) -> None:
    wanted = part(publisher, "nowhere")
    with pytest.raises(WeightsMissing, match=r"/nowhere/beside.bin cannot be downloaded .*404"):
        fetch([wanted], Catalogue((wanted,)))
    wanted = part(publisher)
    publisher.body = BODY[::-1]
    with pytest.raises(InputError, match="is another file"):
        fetch([wanted], Catalogue((wanted,)))


def test_the_files_beside_are_compared_too(publisher: Publisher) -> None:
    wanted = part(publisher)
    (found,) = fetch([wanted], Catalogue((wanted,)))
    assert checksum_mismatch(found) is None
    (found.folder / "beside.bin").write_bytes(b"x")
    assert (checksum_mismatch(found) or "").startswith("beside.bin's SHA-256 is")


def test_a_part_is_put_together_from_pieces(publisher: Publisher, tmp_path: Path) -> None:
    def assemble(source: Path, target: Path) -> bool:
        if not (source / "half").is_file():
            return False
        target.mkdir(parents=True, exist_ok=True)
        for name in ("net.bin", "beside.bin"):
            (target / name).write_bytes((source / "half").read_bytes() * 2)
        return True

    half, plain = tmp_path / "pieces", part(publisher, sha256=hashlib.sha256(b"abab").hexdigest())
    half.mkdir()
    wanted = Part("net", "a net", ("net",), plain.weights, "MIT", plain.companions, assemble=assemble)
    with pytest.raises(InputError, match="holds no network"):
        import_folder(half, [wanted])
    (half / "half").write_bytes(b"no")
    with pytest.raises(InputError, match=r"gives another file.*thrown away"):
        import_folder(half, [wanted])
    assert not (tmp_path / "models" / "net" / "net.bin").exists()
    (half / "half").write_bytes(b"ab")
    said: list[str] = []
    (found,) = import_folder(half, [wanted], report=said.append)
    assert found.path.read_bytes() == b"abab"
    assert said == [f"net: {found.path}"]
    assert import_folder(half, [wanted]) == [found]  # it is here
    assert not (tmp_path / "models" / STAGING_FOLDER).exists()


def test_files_of_such_a_part_may_lie_in_the_folder_itself(publisher: Publisher, tmp_path: Path) -> None:
    plain = part(publisher)
    wanted = Part("net", "a net", ("net",), plain.weights, "MIT", plain.companions, assemble=lambda *_: False)
    for name in ("net.bin", "beside.bin"):
        (tmp_path / name).write_bytes(BODY)
    (found,) = import_folder(tmp_path, [wanted])
    assert found.path == tmp_path / "models" / "net" / "net.bin"
    assert found.path.resolve() == tmp_path / "net.bin"


def test_a_half_download_that_is_too_long_begins_anew(publisher: Publisher, tmp_path: Path) -> None:
    wanted = part(publisher)
    staging = tmp_path / "models" / STAGING_FOLDER / "net"
    staging.mkdir(parents=True)
    (staging / f"net.bin.{(wanted.weights[0].sha256 or '')[:16]}.part").write_bytes(BODY + b"more")
    (found,) = fetch([wanted], Catalogue((wanted,)))
    assert found.path.read_bytes() == BODY


def test_a_server_that_never_ends_is_left(
    publisher: Publisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(direct, "CHUNK", 1000)
    one = part(publisher).weights[0]
    publisher.body = BODY * 20
    path = direct.download(one, f"http://127.0.0.1:{publisher.server_port}/files/net.bin", tmp_path)
    assert path.stat().st_size <= len(BODY) + 1000


def test_pieces_that_cannot_be_read_leave_nothing_behind(publisher: Publisher, tmp_path: Path) -> None:
    def assemble(_: Path, target: Path) -> bool:
        target.mkdir(parents=True)
        (target / "net.bin.part").write_bytes(b"half")
        raise InputError("damaged")

    plain = part(publisher)
    wanted = Part("net", "a net", ("net",), plain.weights, "MIT", plain.companions, assemble=assemble)
    with pytest.raises(InputError, match="damaged"):
        import_folder(tmp_path, [wanted])
    assert not (tmp_path / "models" / STAGING_FOLDER).exists()
