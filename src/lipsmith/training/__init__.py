"""Trainers, one folder a model. They need the ``train`` extra (torch, onnx)."""
