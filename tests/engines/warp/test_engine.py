"""Portraits and videos through the engine protocol, on drawn faces."""

from __future__ import annotations

import itertools
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from lipsmith.engines.protocols import EncoderUse, NamedEncoder
from lipsmith.engines.warp import WarpEngine, WarpOptions
from lipsmith.engines.warp.foldover import foldover_share
from lipsmith.engines.warp.idle import IDLE_CONTROLS
from lipsmith.errors import FaceError, OptionError
from lipsmith.media.resampler import Resampler
from lipsmith.media.sound import open_speech
from lipsmith.types import Face, Image, PreparedFace
from tests.support.drawn_face import drawn_face

DRIVE = 8 + len(IDLE_CONTROLS)
REST = np.zeros(DRIVE, np.float32)
OPEN = np.array([0.6, 0.2, 0, 0.2, 0.2, 0, 0, 0, *[0] * len(IDLE_CONTROLS)], np.float32)
POSES = np.array(
    [[1, 0, 0, 0, 0, 0, 0, 0], [0.3, 1, 0, 0.5, 0.5, 0, 0, 0], [0.2, 0, 1, 0, 0, 0, 0, 0], [0.1, 0, 0, 0, 0, 1, 0, 0]],
    np.float32,
)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    cv2.setNumThreads(1)


def portrait(image: Image, face: Face, **options: object) -> tuple[WarpEngine, PreparedFace]:
    engine = WarpEngine(WarpOptions(**options))
    analysis = engine.analyze(still=True)
    analysis.add(image, face)
    return engine, engine.prepare(image, face, analysis.identity())


def draw(engine: WarpEngine, prepared: PreparedFace, drive: np.ndarray) -> Image:
    return engine.render([[prepared.material]], [[drive]])[0][0]


def crop(image: Image, prepared: PreparedFace) -> Image:
    x0, y0, x1, y1 = prepared.crop.box
    return image[y0:y1, x0:x1]


def video(**changes: object) -> tuple[WarpEngine, list[PreparedFace], list[Image], object]:
    engine = WarpEngine()
    analysis = engine.analyze(still=False)
    frames = [drawn_face(centre=(150 + 2 * k, 125), jaw=0.02 * k, roll=0.02 * k, seed=k, **changes) for k in range(8)]
    for image, face in frames:
        analysis.add(image, face)
    identity = analysis.identity()
    prepared_faces = [engine.prepare(image, face, identity) for image, face in frames]
    return engine, prepared_faces, [image for image, _ in frames], identity


@pytest.mark.parametrize("idle", [True, False])
def test_a_closed_portrait_at_rest_is_unchanged(idle: bool) -> None:
    image, face = drawn_face()
    engine, prepared = portrait(image, face, idle=idle)
    picture = draw(engine, prepared, REST)
    assert picture.shape == crop(image, prepared).shape
    change = np.abs(picture.astype(int) - crop(image, prepared))
    assert np.median(change) == 0
    assert np.mean(change > 12) < 0.01


@pytest.mark.parametrize("pose", POSES)
def test_the_picture_equals_the_source_at_its_border(pose: np.ndarray) -> None:
    image, face = drawn_face()
    for idle in (True, False):
        engine, prepared = portrait(image, face, idle=idle)
        picture = draw(engine, prepared, np.r_[pose, REST[8:]].astype(np.float32))
        source = crop(image, prepared)
        for side in np.s_[0], np.s_[-1], np.s_[:, 0], np.s_[:, -1]:
            assert np.array_equal(picture[side], source[side])


def test_an_open_mouth_is_dark_inside() -> None:
    image, face = drawn_face()
    engine, prepared = portrait(image, face, idle=False)
    picture = draw(engine, prepared, np.array([1, *[0] * 13], np.float32))
    x0, y0, _, _ = prepared.crop.box
    x, y = face.landmarks[[13, 14], :2].mean(0) - (x0, y0)
    inside = picture[int(y + 6) : int(y + 9), int(x) - 5 : int(x) + 5]  # between the upper teeth and the tongue
    assert inside.mean() < 0.6 * crop(image, prepared).mean()


def test_the_head_moves_and_the_lids_close() -> None:
    image, face = drawn_face()
    engine, prepared = portrait(image, face)
    moved = draw(engine, prepared, np.r_[REST[:9], 0.03, 0.02, 0.01, 0.01, 0.0].astype(np.float32))
    assert np.mean(np.abs(moved.astype(int) - crop(image, prepared)) > 3) > 0.1
    blinking = draw(engine, prepared, np.r_[REST[:8], 1.0, REST[9:]].astype(np.float32))
    x0, y0, _, _ = prepared.crop.box
    for eye in (159, 386):
        x, y = face.landmarks[eye, :2] - (x0, y0)
        assert blinking[int(y) + 1, int(x)].sum() < crop(image, prepared)[int(y) + 1, int(x)].sum() - 60


def test_teeth_go_exactly_where_the_lips_go_with_the_head() -> None:
    from lipsmith.engines.warp.lip_opening import lip_curves
    from lipsmith.engines.warp.mesh import sample_grid
    from lipsmith.engines.warp.mouth_compositing import FrameWarp

    _, prepared = portrait(*drawn_face())
    material = prepared.material
    head = material.still.head.at(np.array([0.1, 0.05, 0.06, 0.1, 0.05, 0], np.float32))
    points = material.landmarks[:, :2]
    curves, nothing = lip_curves(material.placement.to_plane(points)), np.zeros((4, 4, 2), np.float32)
    frame = FrameWarp(material, OPEN[:8], points, material.picture, head, nothing, nothing, curves)
    lips = points[[61, 291, 13, 14]]
    moved = frame.after_head_motion(lips)
    height, width = material.picture.shape[:2]
    back = moved - sample_grid(head, (0, 0, width, height), np.asarray(moved[None], np.float32))[0]
    assert np.linalg.norm(moved - lips, axis=1).min() > 10  # px
    assert back == pytest.approx(lips, abs=0.1)


@pytest.mark.parametrize("changes", [{}, {"yaw": 0.45}, {"jaw": 0.12}, {"roll": 0.4}])
def test_the_skin_never_folds_over(changes: dict[str, float]) -> None:
    image, face = drawn_face(**changes)
    _, prepared = portrait(image, face, idle=False)
    for pose in POSES:
        assert foldover_share(prepared.material, pose) == 0


def test_faces_rendered_together_are_drawn_as_if_alone() -> None:
    image, face = drawn_face()
    engine, prepared = portrait(image, face)
    together = engine.render([[prepared.material]] * 2, [[OPEN], [REST]])
    assert np.array_equal(together[0][0], draw(engine, prepared, OPEN))
    assert np.array_equal(together[1][0], draw(engine, prepared, REST))


def test_the_source_is_never_written_to() -> None:
    image, face = drawn_face(jaw=0.1)
    before = image.copy()
    image.setflags(write=False)
    engine, prepared = portrait(image, face)
    draw(engine, prepared, np.r_[OPEN[:8], 1.0, 0.02, 0, 0, 0, 0].astype(np.float32))
    assert np.array_equal(image, before)


def test_a_portrait_keeps_its_own_teeth_unless_they_are_to_be_drawn() -> None:
    image, face = drawn_face(jaw=0.12)
    engine, prepared = portrait(image, face, idle=False)
    other, drawn = portrait(image, face, idle=False, interior="drawn")
    assert prepared.material.interior.teeth is not None
    assert drawn.material.interior.teeth is None
    assert not np.array_equal(draw(engine, prepared, OPEN), draw(other, drawn, OPEN))


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"scale": 12.0}, "too small"), ({"jaw": 0.45}, "wide open"), ({"yaw": 1.0}, "turned")],
)
def test_portraits_that_cannot_speak_are_refused(changes: dict[str, float], words: str) -> None:
    image, face = drawn_face(**changes)
    with pytest.raises(FaceError, match=words):
        portrait(image, face)


def test_open_frames_of_a_video_close_and_closed_ones_open() -> None:
    engine, prepared_faces, images, _ = video()
    shut = draw(engine, prepared_faces[-1], REST)
    x0, y0, _, _ = prepared_faces[-1].crop.box
    points = prepared_faces[-1].material.landmarks
    teeth = crop(images[-1], prepared_faces[-1])[int(points[[13, 14], 1].mean()), int(points[13, 0])]
    assert teeth.min() > 180
    middle = shut[int(points[13, 1]) - 4 : int(points[14, 1]) + 4, int(points[13, 0])]
    assert middle.min(axis=1).max() < 160
    opened = draw(engine, prepared_faces[0], OPEN)
    assert np.mean(np.abs(opened.astype(int) - crop(images[0], prepared_faces[0])) > 25) > 0.01
    assert (x0, y0) != (0, 0)


def test_the_same_controls_open_every_frame_of_a_video_alike() -> None:
    from lipsmith.engines.warp.deform import target_landmarks

    _, prepared_faces, _, _ = video()
    heights = []
    for prepared in prepared_faces:
        points = target_landmarks(prepared.material, OPEN[:8])
        down = prepared.material.pose.rotation[:2, 1]
        heights.append((points[14] - points[13]) @ down / prepared.material.pose.scale)
    assert np.ptp(heights) < 0.004
    assert min(heights) > 0.05


def test_a_video_frame_that_cannot_be_drawn_keeps_its_source_and_says_why() -> None:
    engine, _, _, identity = video()
    image, face = drawn_face(jaw=0.75)
    prepared = engine.prepare(image, face, identity)
    assert prepared.unable == "mouth wide open"
    assert np.array_equal(draw(engine, prepared, OPEN), crop(image, prepared))


def test_a_hand_before_the_mouth_is_noticed() -> None:
    engine, prepared_faces, _, identity = video()
    assert all(prepared.unable is None for prepared in prepared_faces)
    image, face = drawn_face(centre=(155, 125))
    centre = tuple(int(v) for v in face.landmarks[[13, 14], :2].mean(0))
    cv2.ellipse(image, centre, (34, 30), 10, 0, 360, (60, 60, 62), -1)
    assert engine.prepare(image, face, identity).unable == "mouth covered"


def cover_mouth(face: Face, image: Image, colour: tuple[int, int, int], size: tuple[int, int]) -> Image:
    """The image with an ellipse of ``colour`` on the mouth."""
    centre = tuple(int(v) for v in face.landmarks[[13, 14], :2].mean(0))
    return cv2.ellipse(image.copy(), centre, size, 10, 0, 360, colour, -1)


@pytest.mark.parametrize("colour", [(40, 40, 42), (130, 130, 130), (120, 170, 210)])
def test_a_microphone_or_mask_before_a_portraits_mouth_is_refused(colour: tuple[int, int, int]) -> None:
    image, face = drawn_face()
    with pytest.raises(FaceError, match="mouth is covered"):
        portrait(cover_mouth(face, image, colour, (34, 30)), face)


def test_portraits_without_colour_and_odd_lips_are_not_refused() -> None:
    image, face = drawn_face()
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None].repeat(3, 2)
    portrait(grey, face)
    portrait(cover_mouth(face, grey, (40, 40, 40), (34, 30)), face)
    portrait(cover_mouth(face, image, (30, 30, 32), (26, 10)), face)  # black lips


def test_idle_motion_leaves_videos_alone() -> None:
    engine, prepared_faces, _, _ = video()
    idle = np.r_[OPEN[:8], 1.0, 0.05, 0.05, 0.05, 0.05, 0.05].astype(np.float32)
    assert np.array_equal(draw(engine, prepared_faces[0], idle), draw(engine, prepared_faces[0], OPEN))


def test_a_video_of_one_frame_is_no_portrait() -> None:
    engine = WarpEngine()
    image, face = drawn_face()
    analysis = engine.analyze(still=False)
    analysis.add(image, face)
    prepared = engine.prepare(image, face, analysis.identity())
    idle = np.r_[OPEN[:8], 1.0, 0.05, 0.05, 0.05, 0.05, 0.05].astype(np.float32)
    assert np.array_equal(draw(engine, prepared, idle), draw(engine, prepared, OPEN))
    assert not np.array_equal(draw(engine, prepared, OPEN), crop(image, prepared))


def test_the_memory_of_an_analysis_does_not_grow_with_the_video() -> None:
    from lipsmith.engines.warp import analysis as module

    image, face = drawn_face()
    analysis = WarpEngine().analyze(still=False)
    for _ in range(300):
        analysis.add(image, face)
    assert len(analysis._shapes) == 150 <= module.MAX_SHAPES
    assert len(analysis._palettes) < module.MAX_PALETTES
    kept = [array for value in (analysis._shapes, analysis._colours) for array in value]
    assert sum(array.nbytes for array in kept) < 2_000_000


def test_drives_follow_the_options() -> None:
    silence = np.zeros(16_000, np.float32)
    encoder = WarpEngine(WarpOptions(idle=False)).speech_encoder(Fraction(25))
    drives = encoder.push(silence) + encoder.flush()
    assert len(drives) == 25
    assert all(drive.shape == (DRIVE,) and drive.dtype == np.float32 for drive in drives)
    assert np.abs(np.stack(drives)[:, 8:]).max() == 0
    encoder = WarpEngine(WarpOptions(seed=2)).speech_encoder(Fraction(25))
    assert np.abs(np.stack(encoder.push(silence) + encoder.flush())[:, 9:]).max() > 0


def test_every_number_is_finite_even_at_the_edge_of_the_picture() -> None:
    for centre in ((20.0, 125.0), (300.0, 125.0), (160.0, 30.0), (160.0, 270.0)):
        image, face = drawn_face(centre=centre)
        engine, prepared = portrait(image, face)
        assert draw(engine, prepared, OPEN).shape == crop(image, prepared).shape
        moved = replace(prepared, unable=None)
        assert draw(engine, moved, np.r_[OPEN[:8], 0.5, 0.02, 0.01, 0, 0, 0].astype(np.float32)).dtype == np.uint8


@pytest.mark.parametrize(
    "options",
    [
        {"interior": "painted"},
        {"gain": -1.0},
        {"gain": 9.0},
        {"gain": "wide"},
        {"seed": -1},
        {"seed": 1.5},
        {"seed": "x"},
        {"idle": 1},
    ],
)
def test_options_out_of_range_are_named(options: dict[str, object]) -> None:
    with pytest.raises(OptionError, match=rf"^{next(iter(options))} is .*\.$"):
        WarpOptions(**options)


@pytest.mark.parametrize(
    ("choice", "use", "heard_by"),
    [
        ("auto", "file", "whisper"),
        ("auto", "live", "whisper"),
        ("auto", "live_cheap", "small"),
        ("small", "file", "small"),
        ("small", "live", "small"),
        ("whisper", "live_cheap", "whisper"),
    ],
)
def test_the_option_says_who_hears(choice: str, use: EncoderUse, heard_by: str) -> None:
    encoder = WarpEngine(WarpOptions(speech_encoder=choice)).speech_encoder(Fraction(25), use)
    assert isinstance(encoder, NamedEncoder)
    assert encoder.name == heard_by


@pytest.mark.parametrize("use", ["file", "live", "live_cheap"])
def test_the_gain_widens_the_opening_alone(speech_file: Path, use: EncoderUse) -> None:
    sound = open_speech(speech_file)
    hearing = Resampler(sound.rate)
    heard = np.concatenate([hearing.push(block) for block in sound.blocks()])[:48_000]

    def mouth(gain: float) -> np.ndarray:
        encoder = WarpEngine(WarpOptions(idle=False, gain=gain)).speech_encoder(Fraction(25), use)
        return np.stack(encoder.push(heard) + encoder.flush())[:, :8]

    opening, shape = [0, 3, 4], [1, 2, 5, 6, 7]
    plain = mouth(1.0)
    assert plain[:, 0].max() > 0.2
    assert not mouth(0.0)[:, opening].any()
    half = mouth(0.5)[:, opening]
    assert np.all(half >= 0.5 * plain[:, opening] - 1e-6)  # a wider mouth is eased more, never less
    assert np.isclose(half, 0.5 * plain[:, opening], atol=1e-6).mean() > 0.7
    assert np.array_equal(mouth(2.0)[:, shape], plain[:, shape])
    assert mouth(3.0).max() <= 1


def test_a_video_fades_before_its_mouth_is_wide_open_and_its_pictures_change_without_a_step() -> None:
    """The mouth opens from closed to beyond the limit in one frame, the 12th."""
    engine = WarpEngine()
    analysis = engine.analyze(still=False)
    frames = [drawn_face(jaw=0.6 if k >= 12 else 0.0) for k in range(16)]
    faces = [replace(face, frame=k) for k, (_, face) in enumerate(frames)]
    for (image, _), face in zip(frames, faces, strict=True):
        analysis.add(image, face)
    identity = analysis.identity()
    prepared = [engine.prepare(image, face, identity) for (image, _), face in zip(frames, faces, strict=True)]
    strengths = np.array([one.material.strength for one in prepared])
    assert strengths[0] == 1
    assert strengths[10:].max() == 0
    assert -0.25 < np.diff(strengths).min() < 0
    assert {one.unable for one in prepared[10:]} == {"mouth wide open"}
    closed = prepared[0]
    pictures = [
        draw(engine, replace(closed, material=replace(closed.material, strength=strength)), OPEN).astype(int)
        for strength in np.linspace(1, 0, 11)
    ]
    steps = [np.abs(after - before).mean() for before, after in itertools.pairwise(pictures)]
    assert max(steps) < 0.25 * np.abs(pictures[-1] - pictures[0]).mean()
    assert np.array_equal(pictures[-1], crop(frames[0][0], closed))
