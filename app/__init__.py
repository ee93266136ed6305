"""Litehouse: an async backend with batteries, on Litestar and PostgreSQL."""
