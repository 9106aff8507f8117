"""The disclosure log: entries, payloads and the one way to append them."""
