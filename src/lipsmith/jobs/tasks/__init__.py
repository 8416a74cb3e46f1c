"""One task a file, as its ``TASK``: the kinds of jobs (dub, avatar, recording), and quick previews of uploads."""
