"""Worker processes: one way to start a program, exchange messages with it, and survive its crash.

``messages`` is the framing, ``process`` the parent's side of one process, ``supervised`` a worker that is started again
after a crash, ``pool`` several that many clients share, ``child`` the side of the started program.
"""
