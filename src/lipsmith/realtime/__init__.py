"""Live: sound in as it comes, one picture and exactly its samples out at every tick, interruptible, many at once.

``session``, ``batcher``, ``pacer``, ``admission`` and ``outlet`` have no I/O and read no clock but the one they are
given; ``renderer`` puts a thread around the first two and ``live`` an event loop around all. See docs/realtime.md.
"""
