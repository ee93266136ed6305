"""The installed modules, lowest first: a module may import only from modules listed above it."""

MODULES = (
    "accounts",
    "jobs",
    "audit",
    "notifications",
    "webhooks",
    "publishing",
    "admin",
)
