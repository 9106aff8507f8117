"""The partner side: pulls extracts from a gateway; a distribution of its own."""
