"""``lipsmith musetalk inference|realtime``: MuseTalk's own YAML files, with its own flags."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

import typer

from ..compat.musetalk import ObsoleteFlags, UpstreamFlags, run
from ..errors import OptionError
from ..options import build
from .flags import flags_from
from .generate import Quiet, summary
from .progress import shown

if TYPE_CHECKING:
    from ..compat.musetalk import Script

app = typer.Typer(name="musetalk", help="MuseTalk's own scripts, by their old flags.", no_args_is_help=True)
WORDS = {
    "inference_config": "The YAML file: test.yaml or realtime.yaml.",
    "version": "v15 or v1.",
    "result_dir": "Where films go; upstream's folders are made below it.",
    "output_vid_name": "The film's name below <result_dir>/<version>.",
    "fps": "Of images and folders; a video keeps its own.",
    "bbox_shift": "px that open (+) or close (-) the mouth; v1 only, and the YAML's own goes before it.",
    "extra_margin": "px below the chin; v1.5 only.",
    "parsing_mode": "What is pasted; v1 knows raw only.",
    "left_cheek_width": "How wide the jaw's mask is, to the left.",
    "right_cheek_width": "... and to the right.",
    "audio_padding_length_left": "Pairs of 20 ms heard before a frame.",
    "audio_padding_length_right": "... and after it.",
    "batch_size": "Faces drawn together; 0: upstream's 8 or 20 on a GPU, 1 on a CPU.",
    "use_float16": "Half precision on a GPU; a CPU chooses its own.",
    "gpu_id": "Which GPU.",
    "unet_model_path": "The UNet inside a models folder; the rest is read from the same folder.",
    "weights": "official, a models folder, random or tiny.",
    "strict": "Audio windows and sampled latents as upstream has them.",
}
_OBSOLETE = {field.name: "Taken and not needed." for field in fields(ObsoleteFlags)}


@app.command()
@flags_from(ObsoleteFlags, _OBSOLETE, underscores=True)
@flags_from(UpstreamFlags, WORDS, underscores=True)
def inference(quiet: Quiet = False, **flags: Any) -> None:
    """Run a test.yaml: films appear at <result_dir>/<version>/<video>_<audio>.mp4."""
    _speak("inference", flags, quiet)


@app.command()
@flags_from(ObsoleteFlags, _OBSOLETE, underscores=True)
@flags_from(UpstreamFlags, WORDS, underscores=True)
def realtime(quiet: Quiet = False, **flags: Any) -> None:
    """Run a realtime.yaml: films grow at <result_dir>/v15/avatars/<avatar>/vid_output/<clip>.mp4."""
    _speak("realtime", flags, quiet)


def _speak(script: Script, flags: dict[str, Any], quiet: bool) -> None:
    if not flags.get("inference_config"):
        raise OptionError(f"Nothing says what to make: give --inference_config configs/inference/{script}.yaml.")
    asked = build(UpstreamFlags, {name: value for name, value in flags.items() if name not in _OBSOLETE})
    with shown(quiet) as progress:
        for made in run(script, asked, progress):
            if not quiet:
                print(summary(made.report))
                if made.range_text and made.range_text not in made.report.notices:
                    print(made.range_text)
