"""What goes over the wire, with an example of each: the OpenAPI page is made of these models."""
