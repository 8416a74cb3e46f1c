"""The mark that says a film is AI-made, as metadata."""
