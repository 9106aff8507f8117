"""The extract path: decide, minimise, append, answer."""
