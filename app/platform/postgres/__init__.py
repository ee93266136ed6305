"""The embedded PostgreSQL: `sharing` keeps it running; it mends by itself whatever a kill left behind."""
