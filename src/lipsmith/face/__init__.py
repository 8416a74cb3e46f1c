"""Faces: found, followed, aligned, parsed; cuts between scenes."""
