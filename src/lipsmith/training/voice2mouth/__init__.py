"""Trains the student network that turns speech into mouth controls. Needs the ``train`` extra (torch, onnx)."""
