"""Examples: each runs as it is, and is run by a test."""
