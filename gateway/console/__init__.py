"""The pages of staff: one frame, and what they see in it."""
