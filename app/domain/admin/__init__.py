"""The admin site: what the modules offer of their models, for staff, at /admin."""
