"""Trainers, one folder per model. They need the ``train`` extra (torch, onnx)."""
