"""A consent decision as the process takes it: route, transaction, gate and log entry."""
