"""Long work: a queue that survives its processes, the runner that does it, and the kinds of jobs. No HTTP is in here.

``queue`` says what a queue is, ``sqlite`` is one in a file, ``runner`` leases jobs and runs them in worker processes
(``worker``). Every file in ``tasks`` adds one task, which may be a kind of job; ``registry`` finds them.
"""
