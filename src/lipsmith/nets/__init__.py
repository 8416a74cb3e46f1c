"""Networks that no library contains, in torch, with the official names of their parameters."""
