"""Small films and sounds made for the tests, and eyes and ears to check them."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from lipsmith.media.sound import open_speech
from lipsmith.types import Array, Image, Samples

STEP = 7
"""Grey levels between two numbered pictures."""

INTERLACED = {"x264-params": "interlaced=1:tff=1"}


def numbered(index: int, size: tuple[int, int] = (64, 48)) -> Image:
    """A flat grey picture (H, W, 3) whose level tells its ``index`` even after lossy coding."""
    return np.full((size[1], size[0], 3), 20 + STEP * index, np.uint8)


def number_of(image: Image) -> int:
    """The index that ``numbered`` drew."""
    return round((float(image.mean()) - 20) / STEP)


def write_video(
    path: Path,
    images: list[Image],
    fps: Fraction = Fraction(25),
    codec: str = "libx264",
    pts: list[int] | None = None,
    turned: int = 0,
    interlaced: bool = False,
    **context: Any,
) -> Path:
    """Encode ``images``; ``pts`` count milliseconds if given, else frames; ``turned`` degrees by a rotation flag."""
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=fps)
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = context.pop("pix_fmt", "yuv420p")
        for name, value in context.items():
            setattr(stream.codec_context, name, value)
        tick = Fraction(1, 1000) if pts else 1 / fps
        stream.codec_context.time_base = tick
        if codec == "mpeg4":
            stream.bit_rate = 2_000_000
        if codec == "libx264":
            stream.options = {"crf": "8", "preset": "ultrafast"} | (INTERLACED if interlaced else {})
        elif interlaced:
            stream.codec_context.flags |= av.codec.context.Flags.interlaced_dct | av.codec.context.Flags.interlaced_me
            stream.bit_rate = 8_000_000
        if turned:
            stream.set_display_rotation(turned)
        for index, image in enumerate(images):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format=stream.pix_fmt)
            frame.pts, frame.time_base = pts[index] if pts else index, tick
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def write_transparent_video(
    path: Path, images: list[Image], codec: str, pixels: str, setup: Callable[[Any], None] = lambda _: None
) -> Path:
    """Encode (H, W, 4) ``images`` with straight alpha at 25 fps. libswscale's threads would misplace some alpha.

    ``setup`` is called with the stream before the first picture.
    """
    with av.open(str(path), "w") as container:
        options = {"prores_ks": {"profile": "4444"}, "libvpx-vp9": {"crf": "4", "b": "0"}}.get(codec, {})
        if codec == "libvpx":
            options = {"crf": "4", "b": "4M", "auto-alt-ref": "0"}
        stream: Any = container.add_stream(codec, rate=25, options=options)
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = pixels
        if path.suffix == ".webm":
            stream.metadata["alpha_mode"] = "1"
        setup(stream)
        for image in images:
            frame = av.VideoFrame.from_ndarray(image, format="rgba").reformat(format=pixels, threads=1)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def write_sound(
    path: Path, samples: Array, rate: int, codec: str, fmt: str | None = None, layout: str | None = None
) -> Path:
    """Encode (n,) or (channels, n) float32 into the container that the extension means."""
    block = np.atleast_2d(np.asarray(samples, np.float32))
    layout = layout or ("mono" if block.shape[0] == 1 else "stereo")
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=rate, layout=layout)
        if fmt:
            stream.format = fmt
        encode(container, stream, block, rate, layout)
    return path


def encode(container: Any, stream: Any, block: Array, rate: int, layout: str, start: int = 0) -> None:
    """Put (channels, n) float32 into ``stream``, beginning at sample ``start``."""
    packed = np.ascontiguousarray(block.T).reshape(1, -1)
    frame = av.AudioFrame.from_ndarray(packed, format="flt", layout=layout)
    frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
    fit = av.AudioResampler(format=stream.format, layout=layout, rate=rate)
    for part in [*fit.resample(frame), *fit.resample(None)]:
        container.mux(stream.encode(part))
    container.mux(stream.encode())


def write_both(path: Path, images: list[Image], sound: Array, rate: int, late: float = 0.0) -> Path:
    """H.264 at 25 fps with AAC, the sound beginning ``late`` seconds after the picture."""
    with av.open(str(path), "w") as container:
        video: Any = container.add_stream("libx264", rate=25, options={"crf": "8", "preset": "ultrafast"})
        video.height, video.width = images[0].shape[:2]
        video.pix_fmt = "yuv420p"
        audio: Any = container.add_stream("aac", rate=rate, layout="mono")
        for image in images:
            container.mux(video.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(video.encode())
        encode(container, audio, np.atleast_2d(sound), rate, "mono", round(late * rate))
    return path


def click(seconds: float, at: float, rate: int) -> Samples:
    """Silence with a short burst that begins at ``at`` seconds."""
    samples = np.zeros(round(seconds * rate), np.float32)
    begin, length = round(at * rate), max(3, round(rate / 4000))
    samples[begin : begin + length] = 0.9
    return samples


def heard_click(path: Path) -> float:
    """Seconds at which the middle of the burst of ``click`` is heard in a file."""
    speech = open_speech(path)
    power = np.concatenate(list(speech.blocks())).astype(np.float64) ** 2
    return float((power * np.arange(len(power))).sum() / power.sum() / speech.rate)


def middle_of_click(at: float, rate: int) -> float:
    """Seconds of the middle of the burst itself."""
    return (round(at * rate) + (max(3, round(rate / 4000)) - 1) / 2) / rate


def sound_packets(path: Path) -> list[bytes]:
    """The bytes of every sound packet."""
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]


def noise(samples: int, seed: int = 0, channels: int = 1) -> Array:
    """(channels, samples), or (samples,) for one, of faint noise."""
    block = np.random.default_rng(seed).standard_normal((channels, samples)).astype(np.float32) * 0.1
    return block[0] if channels == 1 else block


def decode_transparent(path: Path) -> list[Image]:
    """(H, W, 4) of every frame. FFmpeg's own VP9 decoder would leave alpha out, and its scaler misplaces some."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        decoder: Any = stream.codec_context
        if path.suffix == ".webm":
            decoder = av.CodecContext.create("libvpx-vp9", "r")
        frames = [frame for packet in container.demux(stream) if packet.size for frame in decoder.decode(packet)]
        return [_with_its_alpha(frame) for frame in [*frames, *decoder.decode(None)]]


def _with_its_alpha(frame: Any) -> Image:
    colours, plane = frame.reformat(format="rgb24", src_colorspace="itu709").to_ndarray(), frame.planes[3]
    bits = frame.format.components[3].bits
    rows = np.frombuffer(plane, np.uint8 if bits == 8 else np.uint16).reshape(frame.height, -1)
    alpha = np.rint(rows[:, : frame.width] * (255 / (2**bits - 1)))
    return np.dstack([colours, alpha.astype(np.uint8)])
