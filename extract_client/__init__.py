"""The partner side: pulls one extract from a gateway; a distribution of its own."""
