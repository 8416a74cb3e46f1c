"""Text to speech: text cut into sentences, and the voices that speak them."""
