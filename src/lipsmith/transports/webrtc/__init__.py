"""WebRTC: offers and answers, viewers, tracks, codecs. Wants aiortc."""
