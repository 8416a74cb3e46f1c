import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import pytest

from lipsmith.engines import EngineSpec, choose_engine, engine_table, load_engine, registry
from lipsmith.engines.fake import SPEC as FAKE
from lipsmith.engines.fake import FakeEngine
from lipsmith.engines.musetalk import SPEC as MUSETALK
from lipsmith.engines.warp import SPEC as WARP
from lipsmith.errors import EngineUnavailable, OptionError
from lipsmith.libraries import install_hint


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


BROKEN = replace(FAKE, name="broken", rank=90, unavailable_reason=lambda _: "its weights are missing; run x.")


def install(monkeypatch: pytest.MonkeyPatch, *specs: EngineSpec) -> None:
    """These engines, and no others."""
    monkeypatch.setattr(registry, "engine_table", lambda: {spec.name: spec for spec in specs})


def test_auto_falls_back_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, replace(FAKE, rank=1), WARP, BROKEN)
    loaded = choose_engine("auto", {})
    assert loaded.engine.info.name == "warp"
    assert loaded.passed_over == ("broken: its weights are missing; run x.",)
    install(monkeypatch, replace(FAKE, rank=11), WARP)
    assert choose_engine("auto", {}).engine.info.name == "fake"


def test_auto_never_takes_an_engine_without_a_rank(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [spec.name for spec in registry.ranked(engine_table().values())] == ["musetalk", "warp"]
    install(monkeypatch, FAKE, BROKEN)
    with pytest.raises(EngineUnavailable, match="broken: its weights"):
        choose_engine("auto", {})


def test_auto_leaves_a_slow_engine_but_a_name_insists(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = replace(FAKE, name="slow", rank=90, slow_reason=lambda _: "there is no GPU.")
    install(monkeypatch, slow, WARP)
    assert choose_engine("auto", {}).passed_over == ("slow: there is no GPU.",)
    assert choose_engine("auto", {}).engine.info.name == "warp"
    assert isinstance(choose_engine("slow", {}).engine, FakeEngine)


def test_a_named_engine_that_cannot_run_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, BROKEN)
    with pytest.raises(EngineUnavailable, match="its weights are missing; run x"):
        load_engine("broken")


def test_the_default_engine_says_which_package_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "lipsmith.engines.warp.engine.find_spec", lambda name: None if name == "mediapipe" else object()
    )
    with pytest.raises(EngineUnavailable, match=f"mediapipe cannot be found.*{re.escape(install_hint())}"):
        load_engine("warp")


def point_to(monkeypatch: pytest.MonkeyPatch, name: str, value: str, spec: object = None) -> None:
    """Another package is installed with this entry point, which loads ``spec`` if it is given."""
    points = EntryPoints([EntryPoint(name, value, registry.GROUP)])
    monkeypatch.setattr(registry, "entry_points", lambda group: points.select(group=group))
    if spec is not None:
        monkeypatch.setattr(EntryPoint, "load", lambda _: spec)


def test_an_engine_that_does_not_load_stops_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    point_to(monkeypatch, "torn", "no_such_package:SPEC")
    assert load_engine("fake").info.name == "fake"
    with pytest.raises(EngineUnavailable, match=r"No module named 'no_such_package'.*remove no_such_package"):
        load_engine("torn")


def test_an_engine_whose_package_raises_anything_stops_no_other(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "raising_package.py").write_text("raise ValueError('of its own')")
    monkeypatch.syspath_prepend(tmp_path)
    point_to(monkeypatch, "torn", "raising_package:SPEC")
    assert "does not load (of its own)" in (engine_table()["torn"].unavailable_reason(None) or "")


def test_other_packages_add_engines(monkeypatch: pytest.MonkeyPatch) -> None:
    point_to(monkeypatch, "broken", "test_table:BROKEN", BROKEN)
    assert engine_table()["broken"] is BROKEN


def test_ours_keep_their_names(monkeypatch: pytest.MonkeyPatch) -> None:
    point_to(monkeypatch, "any", "other_package.engines:SPEC", replace(FAKE, name="warp"))
    table = engine_table()
    assert table["warp"] is WARP
    reason = table["other_package.engines:warp"].unavailable_reason(None)
    assert reason == "the name 'warp' is taken by another engine, which stays; mend or remove other_package.engines."
    with pytest.raises(EngineUnavailable, match="the name 'warp' is taken"):
        load_engine("other_package.engines:warp")


def test_a_torn_engine_with_a_name_of_ours_hides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    point_to(monkeypatch, "warp", "no_such_package:SPEC")
    assert engine_table()["warp"] is WARP
    assert "does not load" in (engine_table()["no_such_package:warp"].unavailable_reason(None) or "")


def test_what_is_no_spec_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    point_to(monkeypatch, "odd", "builtins:len")
    reason = engine_table()["odd"].unavailable_reason(None)
    assert "builtins:len is a builtin_function_or_method, not a" in (reason or "")


def test_an_option_of_another_engine_is_told_with_the_engine_that_has_it() -> None:
    with pytest.raises(OptionError, match=r"no option 'bbox_shift', but musetalk has: .* choose the engine mus"):
        load_engine("warp", bbox_shift=5)


def test_auto_leaves_out_what_the_engine_it_takes_does_not_know(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, WARP, replace(MUSETALK, unavailable_reason=lambda _: "no weights."))
    loaded = choose_engine("auto", {"gain": 1.2, "bbox_shift": 5, "feather": 0.1, "seed": 3})
    assert loaded.engine.info.name == "warp"
    assert loaded.passed_over == ("musetalk: no weights.",)
    assert loaded.notices == ("bbox_shift, feather left out: the engine warp has no such option",)
    with pytest.raises(OptionError, match=r"musetalk or warp has no option 'gian'. Did you mean 'gain'\?"):
        choose_engine("auto", {"gian": 1.2})


def test_seed_and_idle_go_only_to_engines_that_declare_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Films set both for every engine: one that has neither is not given them, whether it is named or not."""
    given: list[object] = []

    @dataclass(frozen=True)
    class Plain:
        strength: int = 1

    def load(options: object) -> FakeEngine:
        given.append(options)
        return FakeEngine()

    plain = replace(FAKE, name="plain", options=Plain, load=load, rank=90)
    seeded = replace(WARP, name="seeded")
    install(monkeypatch, plain, seeded)
    for name in ("plain", "auto"):
        assert choose_engine(name, {"idle": False, "seed": 4, "strength": 2}).notices == ()
    assert given == [Plain(2), Plain(2)]
    assert choose_engine("seeded", {"idle": False, "seed": 4}).engine.options == WARP.options(idle=False, seed=4)
    with pytest.raises(OptionError, match="The engine plain has no option 'sed'"):
        choose_engine("plain", {"sed": 4})


def test_our_engines_are_entry_points_of_our_package() -> None:
    text = (Path(__file__).parents[2] / "pyproject.toml").read_text()
    points = tomllib.loads(text)["project"]["entry-points"][registry.GROUP]
    own = {spec.name: f"lipsmith.engines.{spec.name}:SPEC" for spec in registry._own_specs()}
    assert points == own


def test_our_engines_are_found_where_lipsmith_is_not_installed() -> None:
    """Only on PYTHONPATH: there is no metadata then."""
    source = Path(registry.__file__).parents[2]
    code = (
        "import importlib.metadata as m; m.distributions = lambda **_: iter(());"
        "from lipsmith.engines import engine_table; print(*engine_table())"
    )
    done = subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": str(source)}, capture_output=True, text=True)
    assert done.stdout.split() == ["warp", "musetalk", "fake"], done.stderr


def test_looking_at_engines_loads_nothing_heavy() -> None:
    code = "import sys; from lipsmith.engines import engine_table; engine_table(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "mediapipe", "onnxruntime", "av", "diffusers", "transformers"} & set(done.stdout.split())


KNOWS = {"musetalk": ("bench", "compat"), "warp": ("bench", "compat", "metrics"), "fake": ()}
"""Rooms that are about one engine. Everybody else knows engines by their specs."""


def test_only_rooms_that_are_about_an_engine_import_it() -> None:
    source = Path(registry.__file__).parents[1]
    for name, rooms in KNOWS.items():
        found = {path.relative_to(source) for path in source.rglob("*.py") if f"engines.{name}" in path.read_text()}
        found |= {
            path.relative_to(source)
            for path in (source / "engines").rglob("*.py")
            if f"from .{name}" in path.read_text() or f"from ..{name}" in path.read_text()
        }
        others = {path for path in found if path.parts[0] not in rooms and path.parts[:2] != ("engines", name)}
        assert others - {Path("engines/fake.py")} == set(), name
