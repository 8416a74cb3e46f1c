"""The live sessions of a server and everything attached to them."""
