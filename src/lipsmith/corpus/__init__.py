"""Speech with known phone times, made by free synthesisers, and the curves that a mouth would follow for it."""
