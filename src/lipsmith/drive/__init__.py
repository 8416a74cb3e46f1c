"""Where drives come from: one array per video frame that says what the face does, in the engine's own terms."""
