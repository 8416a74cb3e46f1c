"""Networks that no library carries, with the official names of their parameters. Torch only."""
