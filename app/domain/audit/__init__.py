"""The trail of what was changed, by whom and when: recorded by the database, sealed, and shown to those who may."""
