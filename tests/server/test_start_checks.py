"""Before the server starts: a setting that is empty or misread is refused in one sentence, or the log says so."""

from __future__ import annotations

import logging
import socket
import stat
from pathlib import Path

import pytest

from lipsmith.cli import run
from lipsmith.errors import OptionError
from lipsmith.server.auth.keys import Keys, new_key, read_keys
from lipsmith.server.config import ServerSettings
from lipsmith.server.start_checks import check_variables, listen, prepare_data, warn_of_settings


@pytest.mark.parametrize("name", ["LIPSMITH_KEYS", "LIPSMITH_KEYS_FILE"])
@pytest.mark.parametrize("value", ["", "  "])
def test_keys_that_are_set_but_empty_are_refused(name: str, value: str) -> None:
    with pytest.raises(OptionError, match=f"^{name} is empty: .*unset it"):
        check_variables({name: value})


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("LIPSMITH_KEYSFILE", "LIPSMITH_KEYS_FILE"), ("LIPSMITH_KEY", "LIPSMITH_KEYS"),
        ("LIPSMITH_INSECUR", "LIPSMITH_INSECURE"), ("LIPSMITH_CORS_", "LIPSMITH_CORS"),
        ("LIPSMITH_TURNSECRET", "LIPSMITH_TURN_SECRET"), ("LIPSMITH_UPLOADMB", "LIPSMITH_UPLOAD_MB"),
    ],
)  # fmt: skip
def test_a_misspelt_variable_is_refused_with_the_nearest(name: str, nearest: str) -> None:
    with pytest.raises(OptionError, match=f"^There is no setting {name}. Did you mean {nearest}"):
        check_variables({name: "x"})


def test_a_variable_like_no_setting_is_told_of(caplog: pytest.LogCaptureFixture) -> None:
    others = {"LIPSMITH_SERVICE_HOST": "10.0.0.1", "LIPSMITH_MODELS": "x", "LIPSMITH_PORT": "1", "HOME": "x"}
    check_variables(others)  # Kubernetes sets the first one for a service of this name
    assert [record.getMessage() for record in caplog.records] == [
        "There is no setting LIPSMITH_SERVICE_HOST: it has no effect."
    ]


@pytest.mark.parametrize(
    "origin",
    [
        "example.org", "https://example.org/app", "null", "*", "https://*.example.org", "ftp://example.org",
        "https://example.org:443", "http://example.org:80", "HTTPS://example.org", "https://user@example.org",
        "https://", "https://exa mple.org", "https://example.org?x", "//example.org",
    ],
)  # fmt: skip
def test_what_no_browser_sends_is_no_origin(origin: str) -> None:
    with pytest.raises(OptionError, match=r"^--cors (is .*it )?must be origins .* such as https://example.org"):
        ServerSettings(cors=f"https://fine.example,{origin}")


def test_origins_as_browsers_send_them_are_taken() -> None:
    given = "https://example.org, http://localhost:3000,http://[::1]:8000/,https://xn--bcher-kva.example"
    assert ServerSettings(cors=given).origins == (
        "https://example.org", "http://localhost:3000", "http://[::1]:8000", "https://xn--bcher-kva.example",
    )  # fmt: skip


@pytest.mark.parametrize("name", ["host", "data", "keys_file", "keys"])
def test_a_setting_that_is_given_is_not_empty(name: str) -> None:
    with pytest.raises(OptionError, match=r"must be|is empty"):
        ServerSettings(**{name: " "})  # type: ignore[arg-type]


def test_the_data_folder_is_the_servers_own(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "data"
    prepare_data(folder)
    for path in (folder, *folder.iterdir()):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    folder.chmod(0o755)
    (folder / "jobs").chmod(0o755)
    assert not caplog.records
    prepare_data(folder)
    assert "may look into" in caplog.text
    assert stat.S_IMODE((folder / "jobs").stat().st_mode) == 0o700


def test_a_file_is_no_data_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        assert run(["serve", "--data", str(path), "--port", "0"]) == 2
        assert "where a file stands in the way; name a folder." in capsys.readouterr().err


def test_a_port_that_is_taken_is_said_in_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert run(["serve", "--data", str(tmp_path), "--port", str(port), "--voice", "none"]) == 2
    said = f"lipsmith: --port {port} of 127.0.0.1 is taken by another program: stop it, or give another port.\n"
    assert capsys.readouterr().err == said


@pytest.mark.parametrize("host", ["no.such.host.invalid", "192.0.2.1"])
def test_an_address_of_another_machine_is_refused(host: str) -> None:
    with pytest.raises(OptionError, match=f"^--host is '{host}'; it must be an address of this machine"):
        listen(ServerSettings(host=host, port=0))


def test_each_kind_of_address_is_listened_on() -> None:
    sockets = listen(ServerSettings(host="localhost", port=0))
    assert sockets
    for one in sockets:
        assert one.getsockname()[1] > 0
        one.close()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"host": "0.0.0.0", "insecure": True}, "anybody who reaches 0.0.0.0 may use this server"),
        ({"ice": "turn:host:3478"}, "TURN server without $LIPSMITH_TURN_SECRET"),
        ({"turn_secret": "word"}, "LIPSMITH_TURN_SECRET has no effect"),
        ({"ice": "turn:host:3478", "turn_secret": "word"}, ""),
        ({"ice": "stun:host:3478"}, ""),
        ({"insecure": True}, ""),
    ],
)
def test_the_log_says_what_the_settings_open(
    given: dict[str, str | bool], said: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        warn_of_settings(ServerSettings(**given), Keys())  # type: ignore[arg-type]
        warn_of_settings(ServerSettings(host="0.0.0.0", insecure=True), read_keys(None, new_key("studio")[1]))
    assert bool(caplog.records) == bool(said)
    assert said in caplog.text


@pytest.mark.parametrize("words", [["--keys", ""], ["--keys", "COMMENTS"], ["--cors", "example.org"], ["--host", ""]])
def test_the_command_refuses_what_would_open_it(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "COMMENTS").write_text("# keys come here\n")
    (tmp_path / "COMMENTS").chmod(0o600)
    words = [str(tmp_path / word) if word == "COMMENTS" else word for word in words]
    assert run(["serve", "--data", str(tmp_path / "data"), "--port", "0", *words]) in (2, 3)
    said = capsys.readouterr().err
    assert said.startswith("lipsmith: ")
    assert said.count("\n") == 1
    assert "report it" not in said
