from importlib.metadata import EntryPoint, EntryPoints

import pytest

import lipsmith.engines as engines
from lipsmith.engines import Entry, choose_engine, engine_table, load_engine
from lipsmith.engines.fake import FakeEngine
from lipsmith.errors import EngineUnavailable, OptionError


def test_an_unknown_engine_names_the_nearest() -> None:
    with pytest.raises(OptionError, match=r"no engine 'wrap'. Did you mean 'warp'\?"):
        load_engine("wrap")


def test_an_unknown_engine_option_names_the_nearest() -> None:
    with pytest.raises(OptionError, match=r"Did you mean 'window'\?"):
        load_engine("fake", windw=3)


def test_options_reach_the_engine() -> None:
    assert load_engine("fake", window=16).info.window == 16


def test_auto_takes_the_default_engine() -> None:
    assert load_engine("auto").info.name == "warp"


BROKEN = Entry("broken", "", "", lambda _: FakeEngine(), lambda *_: "its weights are missing; run x.")


def test_auto_falls_back_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "BUILT_IN", (BROKEN, *engines.BUILT_IN))
    monkeypatch.setattr(engines, "AUTO", ("broken", "fake"))
    loaded = choose_engine("auto", {})
    assert loaded.engine.info.name == "fake"
    assert loaded.passed_over == ("broken: its weights are missing; run x.",)


def test_a_named_engine_that_cannot_run_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "BUILT_IN", (BROKEN,))
    with pytest.raises(EngineUnavailable, match="its weights are missing; run x"):
        load_engine("broken")


def test_other_packages_add_engines(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("broken", "test_table:BROKEN", engines.ENTRY_POINTS)
    monkeypatch.setattr(EntryPoint, "load", lambda _: BROKEN)
    monkeypatch.setattr(engines, "entry_points", lambda group: EntryPoints([point]).select(group=group))
    assert engine_table()["broken"] is BROKEN
