"""Files that cannot be opened, and damage that is stepped over."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import pytest

from lipsmith.errors import InputError, PictureError, SoundError
from lipsmith.media.demux import check_file, decode, is_folder, open_media, packets
from tests.support.made_media import noise, numbered, write_sound, write_video


@pytest.mark.parametrize("error", [PictureError, SoundError])
def test_the_error_is_the_callers_and_says_what_was_wanted(tmp_path: Path, error: type[InputError]) -> None:
    with pytest.raises(error, match="does not exist: give the path of a fine thing"):
        check_file(tmp_path / "a", error, "a fine thing")


@pytest.mark.parametrize(
    ("name", "says"), [("words " * 60, "File name too long"), ("a\0b", "does not exist"), ("file/a", "does not exist")]
)
def test_what_cannot_be_a_file_is_said(tmp_path: Path, name: str, says: str) -> None:
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(SoundError, match=says):
        check_file(tmp_path / name, SoundError, "speech")
    assert not is_folder(tmp_path / name)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes have no names here")
def test_a_pipe_is_refused_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.wav")
    with pytest.raises(SoundError, match="is a pipe or device, not a file"):
        check_file(tmp_path / "a.wav", SoundError, "speech")


def test_a_file_that_may_not_be_read_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"x")

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)  # root may read anything
    with pytest.raises(PictureError, match="cannot be read \\(Permission denied\\)"):
        check_file(path, PictureError, "a picture")


@pytest.mark.parametrize("name", ["with:colon.mp4", "with space.mp4", "für 口.mp4", "%03d.mp4", "-dash.mp4"])
def test_names_are_taken_as_they_are(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_video(tmp_path / "a.mp4", [numbered(k) for k in range(3)])
    path.rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    with open_media(Path(name), PictureError, "a film") as container:
        assert len(list(decode(container, container.streams.video[0]))) == 3


@pytest.mark.parametrize("name", ["a.m3u8", "a.ffconcat", "a.sdp"])
def test_lists_that_lead_elsewhere_are_not_followed(tmp_path: Path, name: str) -> None:
    write_sound(tmp_path / "b.wav", noise(1000), 8000, "pcm_s16le")
    lists = {
        "a.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nb.wav\n#EXT-X-ENDLIST\n",
        "a.ffconcat": "ffconcat version 1.0\nfile b.wav\n",
        "a.sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=audio 5004 RTP/AVP 0\n",
    }
    (tmp_path / name).write_text(lists[name])
    with pytest.raises(SoundError, match="is not speech"):
        open_media(tmp_path / name, SoundError, "speech")


def test_a_damaged_packet_costs_itself_not_the_rest(tmp_path: Path) -> None:
    path = write_sound(tmp_path / "a.mp3", noise(44100), 44100, "libmp3lame")
    with open_media(path, SoundError, "speech") as container:
        whole = sum(frame.samples for frame in decode(container, container.streams.audio[0]))
        assert whole == 44100
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 700] = b"\xff" * 700
    path.write_bytes(bytes(data))
    with open_media(path, SoundError, "speech") as container:
        left = sum(frame.samples for frame in decode(container, container.streams.audio[0]))
    assert whole // 2 < left < whole


def test_packets_come_without_the_empty_one_and_frames_with_their_clock(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", [numbered(k) for k in range(6)])
    with open_media(path, PictureError, "a film") as container:
        assert all(packet.size for packet in packets(container, container.streams.video[0]))
    with open_media(path, PictureError, "a film") as container:
        moments = [frame.pts * frame.time_base for frame in decode(container, container.streams.video[0])]
    assert moments == [Fraction(k, 25) for k in range(6)]
