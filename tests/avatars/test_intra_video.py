"""An avatar's pictures of every size, and an avatar of a film of odd size."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image as Pillow

from lipsmith.avatars.intra_video import IntraVideoDecoder, IntraVideoEncoder, Pixels
from lipsmith.avatars.options import AvatarOptions
from lipsmith.avatars.store import AvatarStore
from lipsmith.bench.material import write_portrait
from lipsmith.engines import load_engine
from lipsmith.media.video import open_video_source
from tests.transports.test_encoding import SIZES, ramp


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("pixels", "most"), [("yuv420p", 6), ("rgb", 0)])
def test_pictures_of_every_size_come_back_in_any_order(size: tuple[int, int], pixels: Pixels, most: int) -> None:
    images = [ramp(size), 255 - ramp(size)]
    encoder = IntraVideoEncoder(pixels, size)
    packets = [encoder.encode(image) for image in images]
    decoder = IntraVideoDecoder(encoder.format)
    for index in (1, 0, 1):
        seen = decoder.decode(packets[index])
        assert seen.shape == images[index].shape
        assert np.abs(seen.astype(int) - images[index]).max() <= most


def test_an_avatar_of_an_odd_film_that_changes_its_size(tmp_path: Path) -> None:
    portrait = Pillow.open(write_portrait(tmp_path, (97, 95))).convert("RGB")
    with av.open(str(tmp_path / "a.webm"), "w") as output:
        stream = output.add_stream("libvpx", rate=25)
        stream.width, stream.height, stream.pix_fmt = *portrait.size, "yuv420p"
        stream.codec_context.options = {"deadline": "realtime", "b": "2M"}
        for at, image in ((0, portrait), (2, portrait.resize((128, 95)))):
            encoder = stream.codec_context if not at else av.CodecContext.create("libvpx", "w")
            encoder.width, encoder.height, encoder.pix_fmt = *image.size, "yuv420p"
            encoder.time_base, encoder.options = stream.codec_context.time_base or 1 / stream.average_rate, {"b": "2M"}
            for k in range(2):
                frame = av.VideoFrame.from_image(image)
                frame.pts, frame.time_base = at + k, encoder.time_base
                for packet in encoder.encode(frame):
                    packet.stream = stream
                    output.mux(packet)
    store = AvatarStore(tmp_path / "store")
    info = store.create("anna", tmp_path / "a.webm", load_engine("fake", context=1), AvatarOptions(engine="fake"))
    assert info.size == (97, 95)
    assert any("changes from 97x95 to 128x95 pixels" in notice for notice in info.notices)
    film = list(open_video_source(tmp_path / "a.webm").frames())
    with store.open("anna") as avatar:
        for index, image in enumerate(film):
            assert np.abs(avatar.source_frame(index).image.astype(int) - image).mean() < 3
