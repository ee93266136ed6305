"""Notifications: what users are told of, in their inbox and by mail, and what they want to be told of."""
