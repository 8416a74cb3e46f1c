"""Files are brought from a hub or from a folder; a hub of our own stands in for the real one."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from lipsmith.errors import InputError, OptionError, OutputError, WeightsMissing
from lipsmith.weights import Catalogue, OfficialFile, Part, search
from lipsmith.weights.fetch import STAGING_FOLDER, checksum_mismatch, fetch, import_folder, models_folder, resolve_names

BODY = os.urandom(200_000)
GIVEN = OfficialFile("net.bin", len(BODY), "maker/net", "deep/net.bin", hashlib.sha256(BODY).hexdigest())
CONFIG = OfficialFile("config.json", 2, "maker/net", "config.json")
NET = Part("net", "a net", ("net", "old-net"), (GIVEN,), "MIT", (CONFIG,))
TWIN = Part("twin", "another", ("twin",), (OfficialFile("twin.bin", 3, "maker/twin", "twin.bin"),), "MIT")
CATALOGUE = Catalogue((NET, TWIN), {"engine": ("net",)}, {"engine": ("twin",)})
"""One engine that needs one network and can use another."""
FILE = "/maker/net/resolve/main/deep/net.bin"


class Hub(ThreadingHTTPServer):
    """Answers as the Hugging Face hub does; may break off in the middle of a file."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.files = {FILE: BODY, "/maker/net/resolve/main/config.json": b"{}"}
        self.ranges: list[str | None] = []
        self.break_at = 0  # of the next file, bytes; 0: it comes whole
        self.lie = False  # give the checksum of something else

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Answer(BaseHTTPRequestHandler):
    server: Hub

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer(None)

    def do_GET(self) -> None:
        self.server.ranges.append(self.headers.get("Range"))
        self._answer(int((self.headers.get("Range") or "bytes=0-")[6:].split("-")[0]))

    def _answer(self, start: int | None) -> None:
        body = self.server.files.get(self.path)
        if body is None:
            self.send_error(404)
            return
        rest = body[start or 0 :]
        self.send_response(206 if start else 200)
        self.send_header("ETag", f'"{hashlib.sha256(b"" if self.server.lie else body).hexdigest()}"')
        self.send_header("X-Repo-Commit", "0" * 40)
        self.send_header("Content-Length", str(len(rest)))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        self.end_headers()
        if start is not None:
            broken = self.server.break_at if self.path == FILE else 0
            self.wfile.write(rest[: broken or len(rest)])


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    with Hub() as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        monkeypatch.setenv("HF_ENDPOINT", server.address)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield server
        server.shutdown()


@pytest.fixture(autouse=True)
def models(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LIPSMITH_MODELS", str(tmp_path / "models"))


def test_names_of_engines_and_networks_are_understood() -> None:
    assert resolve_names(["engine"], CATALOGUE) == [NET]
    assert resolve_names(["engine"], CATALOGUE, everything=True) == [NET, TWIN]
    assert resolve_names(["twin", "engine", "net"], CATALOGUE) == [TWIN, NET]
    with pytest.raises(OptionError, match="Did you mean 'engine'"):
        resolve_names(["engin"], CATALOGUE)


def test_what_is_fetched_lies_where_it_is_looked_for(hub: Hub, tmp_path: Path) -> None:
    said: list[str] = []
    found = fetch([NET], CATALOGUE, report=said.append)
    assert [one.path for one in found] == [tmp_path / "models" / "net" / "net.bin"]
    assert found[0].path.read_bytes() == BODY
    assert sorted(path.name for path in found[0].folder.iterdir()) == ["config.json", "net.bin"]
    assert not (tmp_path / "models" / STAGING_FOLDER).exists()
    assert said == ["net: 0 MB, MIT", f"net: {found[0].path}"]
    hub.ranges.clear()
    assert fetch([NET], CATALOGUE) == found
    assert hub.ranges == []  # it is here


def test_a_download_that_broke_off_goes_on_another_day(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 50_000)

    def stop(_: float) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as stopped:
        stopped.setattr("huggingface_hub.file_download.time.sleep", stop)  # before it tries again
        hub.break_at = 150_000
        with pytest.raises(KeyboardInterrupt):
            fetch([NET], CATALOGUE)
    assert search(NET) is None
    hub.break_at = 0
    hub.ranges.clear()
    (found,) = fetch([NET], CATALOGUE)
    assert found.path.read_bytes() == BODY
    assert hub.ranges == ["bytes=150000-"]  # the small file beside came the first time


def test_a_file_that_the_hub_lacks_is_told(hub: Hub) -> None:
    hub.files.pop(FILE)
    with pytest.raises(WeightsMissing, match=r"maker/net/deep/net\.bin cannot be downloaded from .*404 Not Found"):
        fetch([NET], CATALOGUE)


def test_a_half_file_of_another_version_is_not_gone_on_with(hub: Hub, tmp_path: Path) -> None:
    staging = tmp_path / "models" / STAGING_FOLDER / "net"
    staging.mkdir(parents=True)
    (staging / f"net.bin.{'0' * 16}.part").write_bytes(b"old" * 100)
    assert fetch([NET], CATALOGUE)[0].path.read_bytes() == BODY
    assert None in hub.ranges


def test_the_hubs_own_checksum_counts_where_none_is_known(hub: Hub) -> None:
    unknown = replace(NET, weights=(replace(GIVEN, sha256=None),))
    hub.lie = True
    with pytest.raises(InputError, match="is another file"):
        fetch([unknown], CATALOGUE)
    hub.lie = False
    assert fetch([unknown], CATALOGUE)[0].path.read_bytes() == BODY


def test_a_damaged_file_that_is_here_is_not_taken_for_good(hub: Hub) -> None:
    (found,) = fetch([NET], CATALOGUE)
    found.path.write_bytes(b"<html>sign in first")
    with pytest.raises(InputError, match=r"a web page, .* Delete it, then"):
        fetch([NET], CATALOGUE)
    found.path.unlink()
    assert fetch([NET], CATALOGUE)[0].path.read_bytes() == BODY


def test_another_file_of_the_same_name_is_thrown_away(hub: Hub, tmp_path: Path) -> None:
    hub.files[FILE] = b"not the official one"
    with pytest.raises(InputError, match=r"maker/net/deep/net\.bin is another file: its SHA-256 is"):
        fetch([NET], CATALOGUE)
    assert search(NET) is None
    hub.files[FILE] = BODY
    assert fetch([NET], CATALOGUE)[0].path.read_bytes() == BODY


def test_offline_says_what_to_put_where(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(pytest.importorskip("huggingface_hub.constants"), "HF_HUB_OFFLINE", True)
    monkeypatch.delenv("HF_ENDPOINT", raising=False)
    with pytest.raises(WeightsMissing) as caught:
        fetch([NET, TWIN], CATALOGUE, tmp_path / "to")
    lines = str(caught.value).splitlines()
    assert lines[1:] == [
        "  https://huggingface.co/maker/net/resolve/main/deep/net.bin",
        f"    as {tmp_path}/to/net/net.bin",
        "  https://huggingface.co/maker/net/resolve/main/config.json",
        f"    as {tmp_path}/to/net/config.json",
        "  https://huggingface.co/maker/twin/resolve/main/twin.bin",
        f"    as {tmp_path}/to/twin/twin.bin",
    ]


def test_a_mirror_may_be_named(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")
    assert fetch([NET], CATALOGUE, endpoint=f"{hub.address}/")[0].path.read_bytes() == BODY


def test_a_full_disk_is_said_before_the_download(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lipsmith.weights.fetch.shutil.disk_usage", lambda _: type("Usage", (), {"free": 5})())
    with pytest.raises(OutputError, match="has 0 MB free"):
        fetch([NET], CATALOGUE)
    assert hub.ranges == []


@pytest.fixture
def museum(tmp_path: Path) -> Path:
    """A checkout of upstream with its models."""
    folder = tmp_path / "MuseTalk" / "models" / "old-net"
    folder.mkdir(parents=True)
    (folder / "net.bin").write_bytes(BODY)
    (folder / "config.json").write_text("{}")
    return tmp_path / "MuseTalk"


@pytest.mark.parametrize("below", ["", "models"])
def test_a_folder_is_taken_over_by_links(below: str, museum: Path) -> None:
    (found,) = import_folder(museum / below, CATALOGUE.parts)
    assert found.folder == models_folder() / "net"
    assert found.path.is_symlink()
    assert found.path.resolve() == museum / "models" / "old-net" / "net.bin"
    assert checksum_mismatch(found, CATALOGUE.parts) is None
    assert import_folder(museum, CATALOGUE.parts) == [found]  # again
    found.path.unlink()
    found.path.write_bytes(b"mine")
    assert import_folder(museum, CATALOGUE.parts)[0].path.read_bytes() == b"mine"  # what is there stays


def test_a_folder_may_be_copied_or_linked_hard(museum: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (copied,) = import_folder(museum, CATALOGUE.parts, tmp_path / "copied", copy=True)
    assert not copied.path.is_symlink()
    assert copied.path.stat().st_nlink == 1

    def refuse(*_: object) -> None:
        raise OSError("this system has no symbolic links")

    monkeypatch.setattr("lipsmith.weights.fetch.os.symlink", refuse)
    (linked,) = import_folder(museum, CATALOGUE.parts, tmp_path / "linked")
    assert linked.path.stat().st_nlink == 2


def test_a_folder_without_models_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no network that is known here; looked for net/net\.bin, twin/twin"):
        import_folder(tmp_path, CATALOGUE.parts)


def test_a_file_in_the_place_of_another_is_recognised(museum: Path, tmp_path: Path) -> None:
    folder = tmp_path / "models" / "net"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "net.bin").write_bytes(b"changed")
    found = search(NET)
    assert found is not None
    assert "not " + str(GIVEN.sha256) in str(checksum_mismatch(found, CATALOGUE.parts))
