"""From speech to features: Whisper features for neural engines, and the student network that gives mouth controls."""
