"""From source frames and drives to a film: timeline, render, film; generate, speak, preview."""
