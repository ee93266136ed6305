"""Asking other servers: each upstream by a pooled client of its own, within bounds of time, size and number."""
