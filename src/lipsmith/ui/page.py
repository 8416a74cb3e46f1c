"""The page itself, made of Gradio's components. Gradio is loaded when the page is built."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import groupby
from typing import TYPE_CHECKING, Any

from ..errors import EngineUnavailable, LipsmithError, OptionError
from ..libraries import install_hint
from ..stopwatch import Progress, Stage
from .settings import UiOptions
from .texts import TEXTS
from .work import Films, GenerateForm, PageOption, engine_names, make_film, page_options, preview_form

if TYPE_CHECKING:
    import gradio

FONTS = ["system-ui", "sans-serif"]  # those of the machine: Gradio's own are fetched from another site
SHOWN = ["download", "fullscreen"]  # of what can be done with a picture: not to share it with another site
WAITING = 8  # requests; one is worked on at a time
CLEANED = (3600, 6 * 3600)  # seconds: every so often, uploads and results of so long ago are removed


def serve(options: UiOptions, ready: Callable[[str], None]) -> None:
    """Serve the page until stopped by a signal; ``ready`` is called with its address. Raises as ``served``."""
    with served(options) as page:
        ready(str(page.local_url))
        page.block_thread()


@contextmanager
def served(options: UiOptions) -> Iterator[gradio.Blocks]:
    """The page, answering until the end of the ``with``; then its films are gone.

    Raises:
        EngineUnavailable: gradio is not installed.
        OptionError: the port is taken.
    """
    silence()
    _check_free(options)
    films = Films()
    try:
        page = build(films)
        _launch(page, options)
        yield page
        page.close(verbose=False)
    finally:
        films.close()


def _check_free(options: UiOptions) -> None:
    """Before seconds are spent on loading Gradio."""
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    with socket.socket(family) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((options.host, options.port))
        except OSError as reason:
            message = f"{options.host}:{options.port} cannot be listened on ({reason.strerror}); say another --port."
            raise OptionError(message) from reason


def silence() -> None:
    """Keep Gradio from telling others of its use. Raises EngineUnavailable where it is not installed."""
    os.environ.update(GRADIO_ANALYTICS_ENABLED="False", HF_HUB_DISABLE_TELEMETRY="1", DO_NOT_TRACK="1")
    if find_spec("gradio") is None:
        raise EngineUnavailable(f"The page wants gradio; this brings it: {install_hint('ui')}")


def build(films: Films) -> gradio.Blocks:
    """The page, not yet served; films are written into ``films``."""
    silence()
    import gradio as gr

    text = _texts(gr)
    page = gr.Blocks(title="Lipsmith", analytics_enabled=False, delete_cache=CLEANED)
    with page:
        gr.Markdown(text("title"))
        with gr.Row():
            with gr.Column():
                fields = _media(gr, text) + _choices(gr, text)
            with gr.Column():
                _buttons(gr, text, fields, films)
        gr.Markdown(text("note"))
    return page


def _texts(gr: Any) -> Any:
    """Hands out the page's texts for the browser to put in its language."""
    both = TEXTS | {_key(shown): (shown.info.help, shown.info.help_zh or shown.info.help) for shown in page_options()}
    english, chinese = ({key: texts[place] for key, texts in both.items()} for place in (0, 1))
    return gr.I18n(**{"en": english, "zh": chinese, "zh-CN": chinese})


def _key(shown: PageOption) -> str:
    return f"{shown.engine}.{shown.info.name}"


def _media(gr: Any, text: Any) -> list[Any]:
    return [
        gr.Video(
            label=" / ".join(TEXTS["video"]), sources=["upload"], height=280, buttons=[]
        ),  # it translates no label
        gr.Image(label=text("picture"), type="filepath", image_mode=None, sources=["upload"], height=200, buttons=[]),
        gr.Audio(label=text("speech"), type="filepath", sources=["upload", "microphone"], buttons=[]),
    ]


def _choices(gr: Any, text: Any) -> list[Any]:
    engine = gr.Dropdown(engine_names(), value="auto", label=text("engine"), info=text("engine.info"))
    with gr.Accordion(text("more"), open=False):
        faces = gr.Textbox("largest", label=text("faces"), info=text("faces.info"), max_lines=1)
        fps = gr.Textbox("25", label=text("fps"), info=text("fps.info"), max_lines=1)
    return [engine, faces, fps, *_engine_fields(gr, text)]


def _engine_fields(gr: Any, text: Any) -> list[Any]:
    """The options that engines want shown, each engine's below its name, in the order of ``page_options``."""
    made: list[Any] = []
    for engine, shown in groupby(page_options(), key=lambda one: one.engine):
        with gr.Accordion(engine, open=True):
            made += [_engine_field(gr, one, text(_key(one))) for one in shown]
    return made


def _engine_field(gr: Any, shown: PageOption, help_text: Any) -> Any:
    info = shown.info
    words = {"label": info.name.replace("_", " ").capitalize(), "info": help_text}
    if choices := info.choices or info.page_choices:
        return gr.Radio(list(choices), value=info.default, **words)
    if info.kind is bool:
        return gr.Checkbox(info.default, **words)
    if info.slider:
        low, high, step = info.slider
        return gr.Slider(low, high, info.default, step=step, **words)
    return gr.Number(info.default, **words) if info.kind in (int, float) else gr.Textbox(info.default, **words)


def _buttons(gr: Any, text: Any, fields: list[Any], films: Films) -> None:
    test, run = gr.Button(text("test")), gr.Button(text("generate"), variant="primary")
    notes = gr.Markdown()
    box, sheet = (gr.Image(label=text(key), interactive=False, buttons=SHOWN) for key in ("box", "sheet"))
    film = gr.Video(label=text("result"), interactive=False, buttons=["download"])

    def on_test(*values: Any) -> Any:
        return _or_error(gr, lambda: preview_form(GenerateForm.of(values)))

    def on_run(*values: Any, progress: Any = gr.Progress()) -> Any:  # noqa: B008 - Gradio finds it by this default
        path, summary = _or_error(gr, lambda: make_film(GenerateForm.of(values), films, _progress(progress)))
        return str(path), summary

    test.click(on_test, fields, [box, sheet, notes], api_name="test_first_frame")
    run.click(on_run, fields, [film, notes], api_name="generate")


def _or_error(gr: Any, work: Callable[[], Any]) -> Any:
    """What ``work`` answers; an error of ours becomes one that the page shows."""
    try:
        return work()
    except LipsmithError as problem:
        raise gr.Error(str(problem), print_exception=False) from problem


def _progress(bar: Any) -> Progress:
    def show(stage: Stage) -> None:
        bar((stage.done, stage.total) if stage.total else None, desc=stage.name)

    return show


def _launch(page: Any, options: UiOptions) -> None:
    import gradio as gr

    page.queue(max_size=WAITING, default_concurrency_limit=1).launch(
        server_name=options.host,
        server_port=options.port or None,
        share=False,
        inbrowser=False,
        quiet=True,
        ssr_mode=False,
        pwa=False,
        mcp_server=False,
        enable_monitoring=False,
        max_file_size=options.upload_mb * 1_000_000,
        theme=gr.themes.Default(font=FONTS, font_mono=["ui-monospace", "monospace"]),
        i18n=_texts(gr),
        footer_links=[],
        prevent_thread_lock=True,
    )


__all__ = ["build", "serve", "served", "silence"]
