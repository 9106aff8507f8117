"""The watch over unusual pulling: it reads the log after the fact and alerts the data protection officer."""
