"""The gateway process: HTTP, case storage, the release path and the disclosure log."""
