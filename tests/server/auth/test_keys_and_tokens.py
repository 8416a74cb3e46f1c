"""Keys are known by their hash alone; tokens open one thing for a while."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lipsmith.errors import InputError, OptionError
from lipsmith.server.auth.keys import Keys, new_key, read_keys
from lipsmith.server.auth.tokens import Signer, signer_of


def test_a_key_is_known_by_its_line_and_not_in_it(tmp_path: Path) -> None:
    key, line = new_key("studio")
    (tmp_path / "keys").write_text(f"# ours\n\n{line}  # the first\n")
    keys = read_keys(tmp_path / "keys")
    assert key not in line
    assert keys.owner(key) == "studio"
    assert keys.owner(key + "x") is None
    assert keys.owner("") is None
    assert keys.owner(line.partition(":")[2]) is None


def test_keys_come_from_the_environment_too() -> None:
    (a, line_a), (b, line_b) = new_key("a"), new_key("b")
    keys = read_keys(None, f"{line_a};{line_b}")
    assert (keys.owner(a), keys.owner(b)) == ("a", "b")
    assert not read_keys(None, "")


@pytest.mark.parametrize(
    "line", ["studio secret", "../up sha256:" + "0" * 64, "a sha256:" + "0" * 63, "A sha256:" + "0" * 64]
)
def test_a_line_that_is_no_key_is_refused_and_not_repeated(line: str, tmp_path: Path) -> None:
    (tmp_path / "keys").write_text(line)
    with pytest.raises(InputError, match="Line 1") as error:
        read_keys(tmp_path / "keys")
    assert line not in str(error.value)


def test_a_missing_file_of_keys_stops_the_start(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(InputError, match="cannot be read"):
            read_keys(path)


@pytest.mark.parametrize("text", ["", "\n\n", "# studio sha256:" + "0" * 64 + "\n", " # none yet"])
def test_keys_that_are_given_and_hold_none_never_open_the_server(text: str, tmp_path: Path) -> None:
    (tmp_path / "keys").write_text(text)
    with pytest.raises(InputError, match=r"There is no key in .*keys: make one with 'lipsmith serve key'"):
        read_keys(tmp_path / "keys")
    if text:
        with pytest.raises(InputError, match=r"There is no key in \$LIPSMITH_KEYS"):
            read_keys(None, text)


def test_one_key_has_one_name_and_one_kind(tmp_path: Path) -> None:
    _, line = new_key("studio")
    (tmp_path / "keys").write_text(f"{line}\n{line}\n")
    assert read_keys(tmp_path / "keys", line)  # the same line twice does no harm
    for other in (line.replace("studio", "guest"), f"{line} operator"):
        with pytest.raises(InputError, match=r"One key stands for two: .*line 1 of .*keys.*line 1 of \$LIPSMITH_KEYS"):
            read_keys(tmp_path / "keys", other)


def test_a_file_of_keys_that_others_may_change_is_refused(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "keys"
    path.write_text(new_key("studio")[1])
    for mode, warned in ((0o600, False), (0o644, True)):
        path.chmod(mode)
        caplog.clear()
        assert read_keys(path)
        assert ("may read" in caplog.text) == warned
    path.chmod(0o666)
    with pytest.raises(InputError, match=r"may add a key to .*: chmod 600"):
        read_keys(path)


@pytest.mark.parametrize("flaw", ["empty", "short", "shown"])
def test_a_secret_that_could_be_known_is_made_anew(flaw: str, tmp_path: Path) -> None:
    token, _ = signer_of(tmp_path).token("jobs/ab", "alice")
    path = tmp_path / "token-secret"
    if flaw == "shown":
        path.chmod(0o644)
    else:
        path.write_bytes(b"" if flaw == "empty" else b"short")
    signer = signer_of(tmp_path)
    assert (len(signer.secret), stat.S_IMODE(path.stat().st_mode)) == (32, 0o600)
    assert signer.read(token) is None


@pytest.mark.parametrize("name", ["", "-a", "A", "a/b", "a" * 33, ".."])
def test_a_client_has_a_plain_name(name: str) -> None:
    with pytest.raises(OptionError, match="cannot name a client"):
        new_key(name)


def test_a_token_opens_its_own_resource_until_it_is_over() -> None:
    now = [1000.0]
    signer = Signer(b"secret", lambda: now[0])
    token, expires = signer.token("jobs/ab", "alice", 60)
    said = signer.read(token)
    assert said
    assert (said.owner, said.expires, expires) == ("alice", 1060, 1060)
    assert said.opens("jobs/ab", reading=True)
    assert said.opens("jobs/ab/result", reading=True)
    assert not said.opens("jobs/abc", reading=True)
    assert not said.opens("jobs", reading=True)
    now[0] = 1060
    assert signer.read(token) is None


@given(st.text(max_size=60))
def test_no_text_is_taken_for_a_token(text: str) -> None:
    assert Signer(b"secret").read("lst_" + text) is None


def test_a_token_of_another_secret_or_changed_is_none() -> None:
    token, _ = Signer(b"one").token("jobs/ab", "alice")
    payload, _, signature = token.partition(".")
    assert Signer(b"two").read(token) is None
    assert Signer(b"one").read(f"{payload[:-2]}AA.{signature}") is None


def test_the_secret_stays_and_is_for_its_owner_alone(tmp_path: Path) -> None:
    token, _ = signer_of(tmp_path).token("jobs/ab", "alice")
    assert signer_of(tmp_path).read(token)
    assert stat.S_IMODE((tmp_path / "token-secret").stat().st_mode) == 0o600


def test_keys_without_any_know_nobody() -> None:
    assert Keys().owner("lsk_x") is None
