"""``lipsmith musetalk inference|realtime``: MuseTalk's own YAML files, with its own flags."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

import typer

from ..compat.musetalk import ObsoleteFlags, UpstreamFlags, run
from ..errors import OptionError
from ..options import build, parse_settings
from .flags import flags_from
from .generate import Quiet, Settings, summary
from .progress import progress_display

if TYPE_CHECKING:
    from ..compat.musetalk import Script

app = typer.Typer(name="musetalk", help="MuseTalk's own scripts, with their flags.", no_args_is_help=True)
HELP = {
    "inference_config": "The YAML file: test.yaml or realtime.yaml.",
    "version": "v15 or v1.",
    "result_dir": "Folder for films; MuseTalk's folders are made below it.",
    "output_vid_name": "The film's name below <result_dir>/<version>, unless the YAML has a result_name.",
    "fps": "Frames per second of images and folders; a video keeps its own rate.",
    "bbox_shift": "px that open (+) or close (-) the mouth; v1 only. A value in the YAML overrides it.",
    "extra_margin": "px below the chin; v1.5 only.",
    "parsing_mode": "Which part of the face is pasted; v1 knows raw only.",
    "left_cheek_width": "Width of the jaw's mask to the left.",
    "right_cheek_width": "Width of the jaw's mask to the right.",
    "audio_padding_length_left": "Pairs of 20 ms of sound before a frame.",
    "audio_padding_length_right": "Pairs of 20 ms of sound after a frame.",
    "batch_size": "Faces drawn together; 0: MuseTalk's 8 or 20 on a GPU, 1 on a CPU.",
    "use_float16": "Half precision on a GPU; ignored on a CPU.",
    "gpu_id": "Which GPU.",
    "unet_model_path": "The UNet in a models folder; the other weights are read from the same folder.",
    "weights": "official, a models folder, random or tiny.",
    "landmarks": "facemesh, or upstream's dwpose, which needs its own file.",
    "threads": "Threads of torch on a CPU; 0: as many as cores are idle at the start.",
    "strict": "Audio windows and sampled latents exactly as in MuseTalk.",
}
_OBSOLETE = {field.name: "Accepted and ignored." for field in fields(ObsoleteFlags)}


@app.command()
@flags_from(ObsoleteFlags, _OBSOLETE, underscores=True)
@flags_from(UpstreamFlags, HELP, underscores=True)
def inference(settings: Settings = None, quiet: Quiet = False, **flags: Any) -> None:
    """Run a test.yaml: films appear at <result_dir>/<version>/<video>_<audio>.mp4."""
    _make_films("inference", flags, settings or [], quiet)


@app.command()
@flags_from(ObsoleteFlags, _OBSOLETE, underscores=True)
@flags_from(UpstreamFlags, HELP, underscores=True)
def realtime(settings: Settings = None, quiet: Quiet = False, **flags: Any) -> None:
    """Run a realtime.yaml: films appear at <result_dir>/v15/avatars/<avatar>/vid_output/<clip>.mp4."""
    _make_films("realtime", flags, settings or [], quiet)


def _make_films(script: Script, flags: dict[str, Any], settings: list[str], quiet: bool) -> None:
    if not flags.get("inference_config"):
        raise OptionError(f"No YAML file is named: give --inference_config configs/inference/{script}.yaml.")
    given = {name: value for name, value in flags.items() if name not in _OBSOLETE}
    options = build(UpstreamFlags, {**given, "engine_options": parse_settings(settings)})
    with progress_display(quiet) as progress:
        for film in run(script, options, progress):
            if not quiet:
                print(summary(film.report))
                if film.range_text and film.range_text not in film.report.notices:
                    print(film.range_text)
