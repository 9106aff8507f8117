"""Tasks: what a member of staff should look at."""
