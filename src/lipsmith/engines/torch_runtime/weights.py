"""Official files of the networks that several engines share: Stable Diffusion's VAE and Whisper tiny.

Sizes and SHA-256 are the Hugging Face hub's.
"""

from __future__ import annotations

from ...weights import OfficialFile, Part

_VAE = "stabilityai/sd-vae-ft-mse"
_WHISPER = "openai/whisper-tiny"

SD_VAE = Part(
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
)

WHISPER_TINY = Part(
    "whisper",
    "Whisper tiny, the network that encodes speech",
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
)

__all__ = ["SD_VAE", "WHISPER_TINY"]
