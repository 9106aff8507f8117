"""Checking the gateway's disclosure log without trusting the gateway."""
