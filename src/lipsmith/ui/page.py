"""The page itself, of Gradio's parts. Gradio is loaded when the page is built."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from ..errors import EngineUnavailable, LipsmithError, OptionError
from ..stopwatch import Progress, Stage
from .settings import UiOptions
from .words import WORDS
from .work import Films, Wish, engine_names, look, make

if TYPE_CHECKING:
    import gradio

FONTS = ["system-ui", "sans-serif"]  # those of the machine: Gradio's own are fetched from another site
SHOWN = ["download", "fullscreen"]  # of what can be done with a picture: not to share it with another site
WAITING = 8  # wishes; one is worked on at a time
CLEANED = (3600, 6 * 3600)  # seconds: every so often, uploads and results of so long ago are removed


def serve(options: UiOptions, ready: Callable[[str], None]) -> None:
    """Serve the page until stopped by a signal; ``ready`` hears its address. Raises as ``served``."""
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
            told = f"{options.host}:{options.port} cannot be listened on ({reason.strerror}); say another --port."
            raise OptionError(told) from reason


def silence() -> None:
    """Keep Gradio from telling others of its use. Raises EngineUnavailable where it is not installed."""
    os.environ.update(GRADIO_ANALYTICS_ENABLED="False", HF_HUB_DISABLE_TELEMETRY="1", DO_NOT_TRACK="1")
    if find_spec("gradio") is None:
        raise EngineUnavailable('The page wants gradio: pip install "lipsmith[ui]" brings it.')


def build(films: Films) -> gradio.Blocks:
    """The page, not yet served; films are written into ``films``."""
    silence()
    import gradio as gr

    say = _words(gr)
    page = gr.Blocks(title="Lipsmith", analytics_enabled=False, delete_cache=CLEANED)
    with page:
        gr.Markdown(say("title"))
        with gr.Row():
            with gr.Column():
                fields = _media(gr, say) + _choices(gr, say)
            with gr.Column():
                _buttons(gr, say, fields, films)
        gr.Markdown(say("note"))
    return page


def _words(gr: Any) -> Any:
    """Hands out the page's words for the browser to put in its language."""
    english, chinese = ({key: words[place] for key, words in WORDS.items()} for place in (0, 1))
    return gr.I18n(**{"en": english, "zh": chinese, "zh-CN": chinese})


def _media(gr: Any, say: Any) -> list[Any]:
    return [
        gr.Video(
            label=" / ".join(WORDS["video"]), sources=["upload"], height=280, buttons=[]
        ),  # it translates no label
        gr.Image(label=say("picture"), type="filepath", image_mode=None, sources=["upload"], height=200, buttons=[]),
        gr.Audio(label=say("speech"), type="filepath", sources=["upload", "microphone"], buttons=[]),
    ]


def _choices(gr: Any, say: Any) -> list[Any]:
    engine = gr.Dropdown(engine_names(), value="auto", label=say("engine"), info=say("engine.info"))
    with gr.Accordion(say("more"), open=False):
        faces = gr.Textbox("largest", label=say("faces"), info=say("faces.info"), max_lines=1)
        fps = gr.Textbox("25", label=say("fps"), info=say("fps.info"), max_lines=1)
    shift = gr.Slider(-40, 40, 0, step=1, label=say("bbox_shift"), info=say("bbox_shift.info"))
    margin = gr.Slider(0, 40, 10, step=1, label=say("extra_margin"), info=say("extra_margin.info"))
    mode = gr.Radio(["jaw", "raw", "neck"], value="jaw", label=say("parsing_mode"), info=say("parsing_mode.info"))
    with gr.Row():
        left = gr.Slider(20, 160, 90, step=5, label=say("left_cheek_width"))
        right = gr.Slider(20, 160, 90, step=5, label=say("right_cheek_width"))
    return [engine, faces, fps, shift, margin, mode, left, right]


def _buttons(gr: Any, say: Any, fields: list[Any], films: Films) -> None:
    test, run = gr.Button(say("test")), gr.Button(say("generate"), variant="primary")
    told = gr.Markdown()
    box, sheet = (gr.Image(label=say(word), interactive=False, buttons=SHOWN) for word in ("box", "sheet"))
    film = gr.Video(label=say("result"), interactive=False, buttons=["download"])

    def on_test(*values: Any) -> Any:
        return _or_error(gr, lambda: look(Wish(*values)))

    def on_run(*values: Any, progress: Any = gr.Progress()) -> Any:  # noqa: B008 - Gradio finds it by this default
        path, text = _or_error(gr, lambda: make(Wish(*values), films, _shown(progress)))
        return str(path), text

    test.click(on_test, fields, [box, sheet, told], api_name="test_first_frame")
    run.click(on_run, fields, [film, told], api_name="generate")


def _or_error(gr: Any, work: Callable[[], Any]) -> Any:
    """What ``work`` answers; an error of ours becomes one that the page shows."""
    try:
        return work()
    except LipsmithError as problem:
        raise gr.Error(str(problem), print_exception=False) from problem


def _shown(bar: Any) -> Progress:
    def tell(stage: Stage) -> None:
        bar((stage.done, stage.total) if stage.total else None, desc=stage.name)

    return tell


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
        i18n=_words(gr),
        footer_links=[],
        prevent_thread_lock=True,
    )


__all__ = ["build", "serve", "served", "silence"]
