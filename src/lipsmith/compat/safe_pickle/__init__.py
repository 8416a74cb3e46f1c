"""Reads upstream's pickles without unpickling: plain values, arrays and tensors, and nothing else."""
