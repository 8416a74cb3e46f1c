"""The workshop: trains the student that hears. Needs the ``train`` extra (torch, onnx)."""
