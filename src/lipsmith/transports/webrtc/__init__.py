"""WebRTC: offers and answers, viewers, tracks, codecs. Needs aiortc."""
