from dataclasses import replace
from importlib.metadata import EntryPoint, EntryPoints

import pytest

import lipsmith.engines as engines
from lipsmith.engines import EngineSpec, choose_engine, engine_table, load_engine
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


BROKEN = EngineSpec("broken", "", "", lambda _: FakeEngine(), lambda *_: "its weights are missing; run x.")


def test_auto_falls_back_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "BUILT_IN", (BROKEN, *engines.BUILT_IN))
    monkeypatch.setattr(engines, "AUTO", ("broken", "fake"))
    loaded = choose_engine("auto", {})
    assert loaded.engine.info.name == "fake"
    assert loaded.passed_over == ("broken: its weights are missing; run x.",)


def test_auto_leaves_an_engine_that_would_crawl_but_a_name_insists(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = EngineSpec("slow", "", "", lambda _: FakeEngine(), lambda _: None, lambda _: "there is no GPU.")
    monkeypatch.setattr(engines, "BUILT_IN", (slow, *engines.BUILT_IN))
    monkeypatch.setattr(engines, "AUTO", ("slow", "warp"))
    assert choose_engine("auto", {}).passed_over == ("slow: there is no GPU.",)
    assert choose_engine("auto", {}).engine.info.name == "warp"
    assert isinstance(choose_engine("slow", {}).engine, FakeEngine)


def test_a_named_engine_that_cannot_run_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "BUILT_IN", (BROKEN,))
    with pytest.raises(EngineUnavailable, match="its weights are missing; run x"):
        load_engine("broken")


def test_the_default_engine_says_which_package_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "find_spec", lambda name: None if name == "mediapipe" else object())
    with pytest.raises(EngineUnavailable, match=r"mediapipe cannot be found.*pip install lipsmith"):
        load_engine("warp")


def test_an_engine_that_does_not_load_stops_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("torn", "no_such_package:ENTRY", engines.ENTRY_POINTS)
    monkeypatch.setattr(engines, "entry_points", lambda group: EntryPoints([point]).select(group=group))
    assert load_engine("fake").info.name == "fake"
    with pytest.raises(EngineUnavailable, match=r"No module named 'no_such_package'.*remove no_such_package"):
        load_engine("torn")


def test_other_packages_add_engines(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("broken", "test_table:BROKEN", engines.ENTRY_POINTS)
    monkeypatch.setattr(EntryPoint, "load", lambda _: BROKEN)
    monkeypatch.setattr(engines, "entry_points", lambda group: EntryPoints([point]).select(group=group))
    assert engine_table()["broken"] is BROKEN


def test_ours_keep_their_names(monkeypatch: pytest.MonkeyPatch) -> None:
    impostor = EngineSpec("warp", "", "", lambda _: FakeEngine(), lambda _: None)
    point = EntryPoint("any", "other_package.engines:ENTRY", engines.ENTRY_POINTS)
    monkeypatch.setattr(EntryPoint, "load", lambda _: impostor)
    monkeypatch.setattr(engines, "entry_points", lambda group: EntryPoints([point]).select(group=group))
    table = engine_table()
    assert table["warp"] is engines.BUILT_IN[0]
    lack = table["other_package.engines:warp"].lacks({})
    assert lack == "the name 'warp' is taken by another engine, which stays; mend or remove other_package.engines."
    with pytest.raises(EngineUnavailable, match="the name 'warp' is taken"):
        load_engine("other_package.engines:warp")


def test_a_torn_engine_with_a_name_of_ours_hides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("warp", "no_such_package:ENTRY", engines.ENTRY_POINTS)
    monkeypatch.setattr(engines, "entry_points", lambda group: EntryPoints([point]).select(group=group))
    assert engine_table()["warp"] is engines.BUILT_IN[0]
    assert "does not load" in (engine_table()["no_such_package:warp"].lacks({}) or "")


def test_what_is_no_entry_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("odd", "builtins:len", engines.ENTRY_POINTS)
    monkeypatch.setattr(engines, "entry_points", lambda group: EntryPoints([point]).select(group=group))
    assert "builtins:len is a builtin_function_or_method, not a" in (engine_table()["odd"].lacks({}) or "")


def test_an_option_of_another_engine_is_told_with_the_engine_that_has_it() -> None:
    with pytest.raises(OptionError, match=r"The engine warp has no option 'bbox_shift'. musetalk has it: --engine mus"):
        load_engine("warp", bbox_shift=5)


def test_auto_leaves_out_what_the_engine_it_takes_does_not_know(monkeypatch: pytest.MonkeyPatch) -> None:
    crawling = replace(engines.BUILT_IN[1], lacks=lambda _: "no weights.")
    monkeypatch.setattr(engines, "BUILT_IN", (engines.BUILT_IN[0], crawling))
    loaded = choose_engine("auto", {"gain": 1.2, "bbox_shift": 5, "feather": 0.1, "seed": 3})
    assert loaded.engine.info.name == "warp"
    assert loaded.passed_over == ("musetalk: no weights.",)
    assert loaded.notices == ("bbox_shift, feather left out: the engine warp has no such option",)
    with pytest.raises(OptionError, match=r"musetalk or warp has no option 'gian'. Did you mean 'gain'\?"):
        choose_engine("auto", {"gian": 1.2})
