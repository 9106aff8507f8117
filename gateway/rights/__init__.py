"""What people may ask for: a statement, on paper, of who saw what about them."""
