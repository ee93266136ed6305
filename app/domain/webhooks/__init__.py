"""Webhooks: other systems hear of what happens here, each event at least once, signed."""
