"""Settings: one class for flags, the environment and the page; what cannot be is refused by its name."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from lipsmith.cli import run
from lipsmith.errors import OptionError
from lipsmith.server.config import ServerSettings, check_reach, flag_of, is_loopback, variable_of


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ServerSettings.model_fields:
        monkeypatch.delenv(variable_of(name), raising=False)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "[::1]", "127.1.2.3"])
def test_loopback_wants_no_key(host: str) -> None:
    check_reach(ServerSettings(host=host), keyed=False)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "example.org", "localhost.example.org"])
def test_elsewhere_keys_are_wanted_or_insecure_said(host: str) -> None:
    assert not is_loopback(host)
    with pytest.raises(OptionError, match="--insecure"):
        check_reach(ServerSettings(host=host), keyed=False)
    check_reach(ServerSettings(host=host), keyed=True)
    check_reach(ServerSettings(host=host, insecure=True), keyed=False)


@pytest.mark.parametrize("wrong", [{"port": -1}, {"port": 70000}, {"queue": 0}, {"cors": "*"}, {"lease_seconds": 601}])
def test_impossible_settings_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(OptionError):
        ServerSettings(**wrong)  # type: ignore[arg-type]


def test_the_help_tells_of_every_flag_with_its_default(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["serve", "--help"]) == 0
    shown = re.sub(r"\s+", " ", capsys.readouterr().out)
    for name, field in ServerSettings.model_fields.items():
        if flag := flag_of(name):
            default = "" if field.default in ("", False) else f" [default: {field.default}]"
            assert re.search(rf" {flag} (<\w+> |[\w|]+ )?{re.escape(str(field.description) + default)}", shown), name
    assert "--turn-secret" not in shown  # it would stand in the list of processes


def test_a_flag_comes_before_a_variable_and_that_before_the_default(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (ServerSettings().port, ServerSettings().insecure) == (8080, False)
    monkeypatch.setenv("LIPSMITH_PORT", "9000")
    monkeypatch.setenv("LIPSMITH_INSECURE", "true")
    monkeypatch.setenv("LIPSMITH_VOICE", "")  # counts as none
    settings = ServerSettings()
    assert (settings.port, settings.insecure, settings.voice) == (9000, True, "auto")
    assert ServerSettings(port=7000).port == 7000
    monkeypatch.setenv("LIPSMITH_HOST", "0.0.0.0")
    monkeypatch.setenv("LIPSMITH_INSECURE", "false")
    assert run(["serve", "--port", "0"]) == 2
    assert "0.0.0.0 can be reached" in capsys.readouterr().err  # the variable counts where no flag was given
    assert run(["serve", "--host", "example.org"]) == 2
    assert "example.org can be reached" in capsys.readouterr().err


def test_the_variables_of_before_still_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIPSMITH_KEYS", "studio sha256:" + "0" * 64)
    monkeypatch.setenv("LIPSMITH_TURN_SECRET", "secret-word")
    settings = ServerSettings(ice="turn:host:3478")
    assert settings.keys == "studio sha256:" + "0" * 64
    assert settings.rtc().turn_secret == "secret-word"
    assert "secret-word" not in repr(settings)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("port", "70000", "is '70000'; it must be an integer from 0 to 65535."),
        ("queue", "many", "is 'many'; it must be an integer, 1 or more."),
        ("video_codec", "av1", "is 'av1'; it must be h264 or vp8."),
        ("insecure", "maybe", "is 'maybe'; it must be true or false."),
        ("cors", "https://a.example,*", "is 'https://a.example,*'; it must be origins separated by commas"),
        ("ice", "host", "is 'host'; it must be servers such as stun:host:3478"),
        ("relay_only", "true", "is 'true'; it must be false unless --ice names a TURN server"),
        ("public_address", "here", "is 'here'; it must be an IPv4 or IPv6 address."),
        ("media_ports", "1-2", "is '1-2'; it must be a range such as 50000-50199"),
        ("push_to", "rtmp://host/app?key=word", "must be addresses such as rtmp://host/app/"),
    ],
)
def test_a_wrong_value_is_refused_by_the_name_it_was_given_under(
    name: str, value: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(OptionError, match=f"^--{name.replace('_', '-')} ") as told:
        ServerSettings(**{name: value})  # type: ignore[arg-type]
    monkeypatch.setenv(variable_of(name), value)
    with pytest.raises(OptionError, match=f"^LIPSMITH_{name.upper()} ") as told_of_variable:
        ServerSettings()
    for error in (told, told_of_variable):
        assert words in str(error.value)
        assert str(error.value).endswith(".")
        assert "key=word" not in str(error.value)  # it may be a secret


def test_the_command_refuses_wrong_values_with_its_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["serve", "--port", "70000"]) == 2
    assert capsys.readouterr().err == "lipsmith: --port is '70000'; it must be an integer from 0 to 65535.\n"
    monkeypatch.setenv("LIPSMITH_OWN_QUEUE", "0")
    assert run(["serve"]) == 2
    assert capsys.readouterr().err == "lipsmith: LIPSMITH_OWN_QUEUE is '0'; it must be an integer, 1 or more.\n"


def test_a_setting_that_does_not_exist_is_named_with_the_nearest() -> None:
    with pytest.raises(OptionError, match=r"no setting 'prot'\. Did you mean 'port'"):
        ServerSettings(prot=1)  # type: ignore[call-arg]


def test_no_other_command_waits_for_pydantic() -> None:
    code = "from lipsmith.cli import run; run(['--help']); import sys; sys.exit('pydantic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0


def test_without_the_extra_the_command_says_what_is_missing_and_still_makes_keys(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from lipsmith.cli import serve

    monkeypatch.setattr(serve, "find_spec", lambda name: None if name == "pydantic_settings" else True)
    assert run(["serve"]) == 5
    assert "lacks pydantic_settings" in capsys.readouterr().err
    assert run(["serve", "--voice", "espeak"]) == 5  # not: there is no option --voice
    assert "lacks pydantic_settings" in capsys.readouterr().err
    assert run(["serve", "--help"]) == 0
    capsys.readouterr()
    assert run(["serve", "key"]) == 0
    assert capsys.readouterr().out.startswith("lsk_")


@pytest.mark.parametrize("name", ["ice", "push_to", "public_address", "media_ports", "port"])
def test_a_wrong_value_with_a_password_in_it_is_not_repeated(name: str) -> None:
    with pytest.raises(OptionError) as told:
        ServerSettings(**{name: "turn//user:topsecret@host:3478"})  # type: ignore[arg-type]
    assert "topsecret" not in str(told.value)
