"""Official files of MuseTalk: where upstream keeps them, their sizes and licences.

Names and folders are those of MuseTalk's ``models/`` folder, so an existing one is read as it is. Sizes and SHA-256
are the Hugging Face hub's; those that are left out are not known.
"""

from __future__ import annotations

from ...weights import Catalogue, OfficialFile, Part
from ..torch_runtime.weights import SD_VAE, WHISPER_TINY

_MUSETALK = "TMElyralab/MuseTalk"
_DWPOSE = "yzd-v/DWPose"

UNET_V15 = Part(
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
)

UNET_V1 = Part(
    "unet-v1",
    "MuseTalk 1.0, the network that draws the mouth",
    ("musetalk",),
    (OfficialFile("pytorch_model.bin", 3_400_076_549, _MUSETALK, "musetalk/pytorch_model.bin"),),
    "CreativeML OpenRAIL-M (model card); its authors allow any purpose, commercial too",
    net="unet",
)

BISENET = Part(
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
)

DWPOSE = Part(
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
)

S3FD = Part(
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
    torch_hub=True,
)
"""Part of a MuseTalk's ``models/`` folder, so it is imported and checked with the rest. MuseTalk here finds faces with
FaceMesh; only ``face.s3fd`` reads it."""

V15, V1 = "musetalk", "musetalk-v1"
"""What ``lipsmith weights fetch`` calls MuseTalk 1.5 and 1.0."""
CATALOGUE = Catalogue(
    parts=(UNET_V15, UNET_V1, SD_VAE, WHISPER_TINY, BISENET, DWPOSE, S3FD),
    needed={V15: (UNET_V15.name, SD_VAE.name, WHISPER_TINY.name), V1: (UNET_V1.name, SD_VAE.name, WHISPER_TINY.name)},
    recommended={V15: (BISENET.name,), V1: (BISENET.name,)},
    optional={V15: (DWPOSE.name,), V1: (DWPOSE.name,)},
)

__all__ = ["BISENET", "CATALOGUE", "DWPOSE", "S3FD", "UNET_V1", "UNET_V15", "V1", "V15"]
