"""Prepared avatars: what is computed once per picture, kept on disk, and the order in which its frames are shown."""
