"""Every official file that an engine reads: where upstream keeps it, how large it is, under which terms it comes.

Names and folders are those of MuseTalk's ``models/`` folder, so that an existing one is read as it is. Sizes and
SHA-256 are the Hugging Face hub's; where none is given, none is known.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OfficialFile:
    """One file, and where it is published."""

    name: str
    size: int  # bytes; 0: small, and not checked
    repository: str  # on the Hugging Face hub
    path: str  # inside the repository
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """One network: a folder with its weights in one of several formats, and the small files beside them."""

    name: str
    what: str  # for people
    folders: tuple[str, ...]  # below ``models/``; fetching fills the first, the others are looked at too
    weights: tuple[OfficialFile, ...]  # any one is enough, best first
    licence: str
    companions: tuple[OfficialFile, ...] = ()  # all wanted beside the weights
    net: str | None = None  # its list of keys, for the formats that torch reads

    @property
    def size(self) -> int:
        """Bytes to download: the best of the formats, and what goes with it."""
        return self.weights[0].size + sum(one.size for one in self.companions)


_MUSETALK = "TMElyralab/MuseTalk"
_VAE = "stabilityai/sd-vae-ft-mse"
_WHISPER = "openai/whisper-tiny"
_DWPOSE = "yzd-v/DWPose"

PARTS: dict[str, Part] = {
    part.name: part
    for part in (
        Part(
            "unet-v15",
            "MuseTalk 1.5, the network that draws the mouth",
            ("musetalkV15",),
            (
                OfficialFile(
                    "unet.pth",
                    3_400_074_924,
                    _MUSETALK,
                    "musetalkV15/unet.pth",
                    "7ebf6c98c181e20838e4c0054e96e944ac60d5d692cc01db42839fe11b787007",
                ),
            ),
            "CreativeML OpenRAIL-M (model card); its authors allow any purpose, commercial too",
            net="unet",
        ),
        Part(
            "unet-v1",
            "MuseTalk 1.0, the network that draws the mouth",
            ("musetalk",),
            (OfficialFile("pytorch_model.bin", 3_400_076_549, _MUSETALK, "musetalk/pytorch_model.bin"),),
            "CreativeML OpenRAIL-M (model card); its authors allow any purpose, commercial too",
            net="unet",
        ),
        Part(
            "vae",
            "Stable Diffusion's VAE, fine-tuned with MSE (sd-vae-ft-mse)",
            ("sd-vae", "sd-vae-ft-mse"),
            (
                OfficialFile(
                    "diffusion_pytorch_model.safetensors",
                    334_643_276,
                    _VAE,
                    "diffusion_pytorch_model.safetensors",
                    "a1d993488569e928462932c8c38a0760b874d166399b14414135bd9c42df5815",
                ),
                OfficialFile(
                    "diffusion_pytorch_model.bin",
                    334_707_217,
                    _VAE,
                    "diffusion_pytorch_model.bin",
                    "1b4889b6b1d4ce7ae320a02dedaeff1780ad77d415ea0d744b476155c6377ddc",
                ),
            ),
            "MIT",
            (OfficialFile("config.json", 547, _VAE, "config.json"),),
            "vae",
        ),
        Part(
            "whisper",
            "Whisper tiny, the network that hears",
            ("whisper", "whisper-tiny"),
            (
                OfficialFile(
                    "model.safetensors",
                    151_061_672,
                    _WHISPER,
                    "model.safetensors",
                    "7ebd0e69e78190ffe1438491fa05cc1f5c1aa3a4c4db3bc1723adbb551ea2395",
                ),
                OfficialFile(
                    "pytorch_model.bin",
                    151_095_027,
                    _WHISPER,
                    "pytorch_model.bin",
                    "9607f98a2b22d9e229ae43c52ecea79dcede9e0c5cfae67e8da6eda86d8aac1d",
                ),
            ),
            "Apache-2.0",
            (OfficialFile("config.json", 1983, _WHISPER, "config.json"),),
            "whisper",
        ),
        Part(
            "bisenet",
            "BiSeNet, which tells skin, lips and hair apart",
            ("face-parse-bisent",),
            (
                OfficialFile(
                    "79999_iter.pth",
                    53_289_463,
                    "ManyOtherFunctions/face-parse-bisent",
                    "79999_iter.pth",
                    "468e13ca13a9b43cc0881a9f99083a430e9c0a38abd935431d1c28ee94b26567",
                ),
            ),
            "MIT; trained on CelebAMask-HQ, which is for non-commercial research",
            net="bisenet",
        ),
        Part(
            "dwpose",
            "DWPose, upstream's landmarks, as ONNX or as upstream's .pth",
            ("dwpose",),
            (
                OfficialFile(
                    "dw-ll_ucoco_384.onnx",
                    134_399_116,
                    _DWPOSE,
                    "dw-ll_ucoco_384.onnx",
                    "724f4ff2439ed61afb86fb8a1951ec39c6220682803b4a8bd4f598cd913b1843",
                ),
                OfficialFile(
                    "dw-ll_ucoco_384.pth",
                    406_878_486,
                    _DWPOSE,
                    "dw-ll_ucoco_384.pth",
                    "0d9408b13cd863c4e95a149dd31232f88f2a12aa6cf8964ed74d7d97748c7a07",
                ),
            ),
            "Apache-2.0",
            net="dwpose",
        ),
        Part(
            "s3fd",
            "S3FD, upstream's face detector",
            ("s3fd", "../musetalk/utils/face_detection/detection/sfd"),
            (
                OfficialFile(
                    "s3fd-619a316812.pth",
                    89_843_225,
                    "ByteDance/LatentSync",
                    "auxiliary/s3fd-619a316812.pth",
                    "619a31681264d3f7f7fc7a16a42cbbe8b23f31a256f75a366e5a1bcd59b33543",
                ),
                OfficialFile(
                    "s3fd.pth",
                    89_843_225,
                    "ByteDance/LatentSync",
                    "auxiliary/s3fd-619a316812.pth",
                    "619a31681264d3f7f7fc7a16a42cbbe8b23f31a256f75a366e5a1bcd59b33543",
                ),
            ),
            "BSD-3-Clause (face-alignment); trained on WIDER FACE",
            net="s3fd",
        ),
    )
}

NEEDED: dict[str, tuple[str, ...]] = {
    "musetalk": ("unet-v15", "vae", "whisper"),
    "musetalk-v1": ("unet-v1", "vae", "whisper"),
}
"""What an engine cannot run without."""

WELCOME: dict[str, tuple[str, ...]] = {
    "musetalk": ("bisenet", "dwpose"),
    "musetalk-v1": ("bisenet", "dwpose"),
}
"""What an engine uses when it is there. S3FD serves ``face.s3fd`` alone: engines find faces with FaceMesh."""

__all__ = ["OfficialFile", "Part"]
