"""Live sessions: sound in as it comes; at every tick one picture and exactly its samples out; many at once.

``session``, ``batcher``, ``pacer``, ``admission`` and ``listener_queue`` do no I/O and read no clock but the one they
are given. ``renderer`` puts a thread around the first two, and ``host`` an event loop around all. See docs/realtime.md.
"""
