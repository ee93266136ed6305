"""Plumbing: I/O and frameworks, no business word."""
