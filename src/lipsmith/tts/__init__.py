"""Words on their way to a mouth: text cut into sentences, and the voices that say them."""
