"""Safeguarding: referrals without agreement, what was considered and not shared, their clocks and their review."""
