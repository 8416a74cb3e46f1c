"""What a newcomer types by mistake: one right sentence each, and the exit code of its kind."""

from __future__ import annotations

import json
import shlex
import wave
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from lipsmith.cli import run
from tests.support.made_media import numbered, write_video

Captured = pytest.CaptureFixture[str]
SEE = " See 'lipsmith generate --help'."
NEAR = "does not exist. Did you mean"
URL = "https://example.org/a.jpg is a URL, and only files are read: download it first, and give the path of the file."


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as newcomers have it: a portrait, a speech, a clip, a text, folders."""
    folder = tmp_path_factory.mktemp("desk")
    Pillow.fromarray(numbered(9)).save(folder / "portrait.jpg")
    with wave.open(str(folder / "speech.wav"), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(np.zeros(8000, "<i2").tobytes())
    write_video(folder / "clip.mp4", [numbered(k) for k in range(3)])
    (folder / "text.txt").write_text("Hello there.")
    (folder / "notes").mkdir()
    (folder / "notes" / "a.txt").write_text("x")
    (folder / "film.mp4").write_bytes(b"an older film")
    (folder / "sheet.png").write_bytes(b"an older sheet")
    return folder


@pytest.fixture
def there(desk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(desk)
    monkeypatch.setenv("LIPSMITH_AVATARS", str(tmp_path / "store"))
    return desk


@pytest.mark.parametrize(
    ("line", "sentence", "code"),
    [
        # the files
        ("speech.wav portrait.jpg -o f.mp4", "speech.wav is a sound and portrait.jpg is not: name the picture first "
         "and the speech second.", 3),
        ("speech.wav clip.mp4 -o f.mp4", "speech.wav is a sound and clip.mp4 is not: name the picture first and the "
         "speech second.", 3),
        ("portrait.jpg 'Hello there' -o f.mp4", "'Hello there' is no file: if it is a text to be spoken, say "
         "--text 'Hello there' in place of SPEECH.", 3),
        ("portrait.jpg Hello -o f.mp4", "'Hello' is no file: if it is a text to be spoken, say --text Hello in place "
         "of SPEECH.", 3),
        ("portrait.jpg text.txt -o f.mp4", "text.txt is a text, not a sound, or a video with sound: to have it spoken, "
         'say --text "$(cat text.txt)".', 3),
        ("portrait.jpg portrait.jpg -o f.mp4", "portrait.jpg is a picture, not a sound, or a video with sound.", 3),
        ("portrait.jpg notes -o f.mp4", "notes is a folder, not a file: give the path of speech.", 3),
        ("notes speech.wav -o f.mp4", "notes holds no images: put numbered png, jpg, heic, avif, webp, bmp or tiff "
         "files in.", 3),
        ("portrit.jpg speech.wav -o f.mp4", f"portrit.jpg {NEAR} portrait.jpg?", 3),
        ("portrait.png speech.wav -o f.mp4", f"portrait.png {NEAR} portrait.jpg?", 3),
        ("portrait.jpg speech.mp3 -o f.mp4", f"speech.mp3 {NEAR} speech.wav?", 3),
        ("portrait.jpg ../none/a.wav -o f.mp4", "../none/a.wav does not exist: give the path of speech.", 3),
        ("https://example.org/a.jpg speech.wav -o f.mp4", URL, 3),
        ("portrait.jpg https://example.org/a.jpg -o f.mp4", URL, 3),
        ("portrait.jpg speech.wav -o f.mp4 --background https://example.org/a.jpg", URL, 3),
        ("portrait.jpg speech.wav -o f.mp4 --background blurr", "background is 'blurr': no such file, and no colour. "
         "It can be keep, transparent, a colour (#rrggbb or a name), or the path of a picture or video. Did you mean "
         "'blue'?", 2),
        ("portrait.jpg -o f.mp4", "portrait.jpg has no soundtrack of its own: name the speech as the second file.", 3),
        ("portrait.jpg -o f.mp4 --text ''", "The text is empty: write the words to be spoken after --text.", 2),
        ("portrait.jpg speech.wav -o f.mp4 --voice espeak", '--voice reads a text: say --text "..." too, or leave '
         "--voice out.", 2),
        # the output
        ("portrait.jpg speech.wav", "No output is named: give -o film.mp4, or --preview sheet.png for a contact sheet "
         "first.", 2),
        ("portrait.jpg speech.wav f.mp4", f"'f.mp4' is more than this command takes: name the film by -o f.mp4.{SEE}",
         2),
        ("portrait.jpg speech.wav more", f"'more' is more than this command takes.{SEE}", 2),
        ("portrait.jpg speech.wav -o notes", "notes is a folder: give the name of a film inside it, such as "
         "notes/film.mp4.", 6),
        ("portrait.jpg speech.wav --preview notes", "notes is a folder: give the name of a contact sheet inside it, "
         "such as notes/sheet.png.", 6),
        ("portrait.jpg speech.wav -o f", "f has no extension: a film can be written as .mp4, .mov, .m4v or .webm.", 2),
        ("portrait.jpg speech.wav -o f.avi", "f.avi ends in .avi: a film can be written as .mp4, .mov, .m4v or .webm.",
         2),
        ("portrait.jpg speech.wav -o https://example.org/f.mp4", "https://example.org/f.mp4 is a URL, and only files "
         "are written: name one, such as film.mp4.", 6),
        ("portrait.jpg speech.wav -o film.mp4", "film.mp4 is there already: choose another name, or say --overwrite to "
         "replace it.", 6),
        ("portrait.jpg speech.wav -o f.mp4 --preview sheet.png", "sheet.png is there already: choose another name, or "
         "say --overwrite to replace it.", 6),
        # the engine and its options
        ("portrait.jpg speech.wav -o f.mp4 --engine wav2lip", "There is no engine 'wav2lip'. That is another system, "
         "which is not part of Lipsmith: take musetalk, warp or auto instead.", 2),
        ("portrait.jpg speech.wav -o f.mp4 --engine SadTalker", "There is no engine 'SadTalker'. That is another "
         "system, which is not part of Lipsmith: take musetalk, warp or auto instead.", 2),
        ("portrait.jpg speech.wav -o f.mp4 --engine musetalk-1.5", "There is no engine 'musetalk-1.5'. Did you mean "
         "'musetalk'?", 2),
        ("portrait.jpg speech.wav -o f.mp4 --engine musetalk --gain 1.5", "The engine musetalk has no option 'gain', "
         "but warp has: leave 'gain' out, or choose the engine warp.", 2),
        ("portrait.jpg speech.wav -o f.mp4 --gian 1.5", f"There is no option --gian. Did you mean --gain?{SEE}", 2),
        ("portrait.jpg speech.wav -o f.mp4 --gain 9", "gain is 9.0; it can be 0 to 3, and 1 is usual.", 2),
        ("portrait.jpg speech.wav -o f.mp4 --gain big", f"--gain is 'big'; give a number.{SEE}", 2),
        ("portrait.jpg speech.wav -o f.mp4 --crf 1.5", f"--crf is '1.5'; give a whole number.{SEE}", 2),
        ("portrait.jpg speech.wav -o f.mp4 --tiling", "--tiling is an option of the engine musetalk, which has no flag "
         f"of its own here: write it as --set tiling=VALUE.{SEE}", 2),
        ("portrait.jpg speech.wav -o f.mp4 --still --idle", "--still and --idle say opposite things; leave one of them "
         "out.", 2),
        # other options
        ("portrait.jpg speech.wav -o f.mp4 --faecs all", f"There is no option --faecs. Did you mean --faces?{SEE}", 2),
        ("portrait.jpg speech.wav --out f.mp4", f"There is no option --out. Did you mean --output?{SEE}", 2),
        ("portrait.jpg speech.wav -o f.mp4 --xyz", f"There is no option --xyz.{SEE}", 2),
        ("portrait.jpg speech.wav -o f.mp4 --faces", f"Option '--faces' requires an argument.{SEE}", 2),
        ("portrait.jpg speech.wav -o f.mp4 --faces middle", "There is no face choice 'middle'. Known: a number counted "
         "from the left, all, largest, left, right.", 2),
        ("portrait.jpg speech.wav -o f.mp4 --faces 0", "There is no face 0: faces count from 1, from the left.", 2),
        ("portrait.jpg speech.wav -o f.mp4 --fps abc", "fps is 'abc': give a number such as 25, a fraction such as "
         '30000/1001, or "source".', 2),
        ("portrait.jpg speech.wav -o f.mp4 --fps 1000", "fps is 1000: give a rate between 1 and 120.", 2),
        ("portrait.jpg speech.wav -o f.mp4 --start abc", "start is 'abc'; give seconds or H:MM:SS, such as 90, 12.5 or "
         "0:01:30.", 2),
        ("portrait.jpg speech.wav -o f.mp4 --start 9", "start is 9.00 s, but the whole film has only 0.52 s: "
         "give less.", 2),
    ],
)  # fmt: skip
def test_generate(line: str, sentence: str, code: int, there: Path, capsys: Captured) -> None:
    before = sorted(there.iterdir())
    engine = [] if "--engine" in line or "--gian" in line or "--gain" in line or "idle" in line else ["--engine=fake"]
    assert run(["generate", *engine, *shlex.split(line)]) == code
    seen = capsys.readouterr()
    assert (seen.out, seen.err) == ("", f"lipsmith: {sentence}\n")
    assert sorted(there.iterdir()) == before
    assert (there / "film.mp4").read_bytes() == b"an older film"


@pytest.mark.parametrize(
    ("line", "sentence", "code"),
    [
        ("dub a.jpg b.wav", "There is no command 'dub'. Did you mean 'lipsmith generate'? See 'lipsmith --help'.", 2),
        ("speak portrait.jpg speech.wav -o f.mp4", "portrait.jpg is a file, not an avatar: 'lipsmith generate' makes "
         "it speak, or 'lipsmith avatar create NAME portrait.jpg' makes an avatar of it.", 3),
        ("live portrait.jpg speech.wav --record f.mp4", "portrait.jpg is a file, not an avatar: 'lipsmith generate' "
         "makes it speak, or 'lipsmith avatar create NAME portrait.jpg' makes an avatar of it.", 3),
        ("speak anna speech.wav -o f.mp4 --engine warp", "--engine is settled when an avatar is made: give it to "
         "'lipsmith avatar create'. See 'lipsmith speak --help'.", 2),
        ("speak anna -o f.mp4 --text ' '", "The text is empty: write the words to be spoken after --text.", 2),
        ("live anna speech.wav --record f.mp4 --voice kokoro", '--voice reads a text: say --text "..." too, or leave '
         "--voice out.", 2),
        ("avatar gc --max-size 20", "'20' is less than any avatar needs: give a unit, as in 500M or 20G; 0 deletes "
         "all.", 2),
        ("avatar import speech.wav", "speech.wav is not an exported avatar, or is damaged (File is not a zip file): "
         "'lipsmith avatar export' makes one.", 3),
        ("avatar create portrait.jpg anna", "The avatar's name comes first: lipsmith avatar create anna portrait.jpg",
         3),
        ("avatar create anna portrit.jpg", f"portrit.jpg {NEAR} portrait.jpg?", 3),
        ("metrics sync film.mov", f"film.mov {NEAR} film.mp4?", 3),
        ("bench --gain 2", "--gain is an option of the engine warp, which has no flag of its own here: write it as "
         "--set gain=VALUE. See 'lipsmith bench --help'.", 2),
        ("metrics sync --gain 2", "--gain is an option of the engine warp, which has no flag of its own here: commands "
         "that make films and avatars take it. See 'lipsmith metrics sync --help'.", 2),
        ("demo -o film.mp4", "film.mp4 is there already: choose another name, or say --overwrite to replace it.", 6),
        ("demo portrait.jpg", "'portrait.jpg' is more than this command takes. See 'lipsmith demo --help'.", 2),
        ("weights check wav2lip", "There are no weights called 'wav2lip'. Known: bisenet, dwpose, kokoro, musetalk, "
         "musetalk-v1, s3fd, unet-v1, unet-v15, vae, whisper.", 2),
        ("serve --prot 80", "There is no option --prot. Did you mean --port? See 'lipsmith serve --help'.", 2),
    ],
)  # fmt: skip
def test_other_commands(line: str, sentence: str, code: int, there: Path, capsys: Captured) -> None:
    assert run(shlex.split(line)) == code
    seen = capsys.readouterr()
    assert (seen.out, seen.err) == ("", f"lipsmith: {sentence}\n")


@pytest.mark.parametrize("command", [[], ["generate"], ["avatar"], ["avatar", "create"]])
def test_the_short_flag_prints_the_help(command: list[str], capsys: Captured) -> None:
    assert run([*command, "-h"]) == 0
    short = capsys.readouterr().out
    assert run([*command, "--help"]) == 0
    assert short == capsys.readouterr().out
    assert "-h, --help" in short


def test_a_command_of_commands_alone_prints_its_help(capsys: Captured) -> None:
    assert run(["musetalk"]) == 0
    seen = capsys.readouterr()
    assert seen.out.startswith("Usage: lipsmith musetalk")
    assert seen.err == ""


def test_counts_have_the_right_plural(there: Path, astronaut_file: Path, tmp_path: Path, capsys: Captured) -> None:
    assert run(["avatar", "create", "anna", str(astronaut_file), "--engine", "fake", "-q"]) == 0
    capsys.readouterr()
    assert run(["avatar", "list"]) == 0
    assert "\n1 avatar, " in capsys.readouterr().out
    before = sorted(there.iterdir())
    assert run(["avatar", "show", "anna", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["sheet"] is None
    assert sorted(there.iterdir()) == before
    assert run(["avatar", "show", "anna", "-o", "sheet.png"]) == 6
    assert run(["avatar", "show", "anna", "-o", str(tmp_path / "anna.png")]) == 0
    assert f"  sheet: {tmp_path / 'anna.png'}\n" in capsys.readouterr().out
    assert run(["avatar", "export", "anna", str(tmp_path / "anna.lipsmith")]) == 0
    assert run(["avatar", "export", "anna", str(tmp_path / "anna.lipsmith")]) == 6
    assert "--overwrite" in capsys.readouterr().err
    assert run(["avatar", "export", "anna", str(tmp_path / "anna.lipsmith"), "--overwrite"]) == 0
