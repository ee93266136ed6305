"""Who may have others told: one permission, for an endpoint sees what happens to everybody."""

from app.kit.identity import Permission

MANAGE_WEBHOOKS = Permission("webhooks.manage_webhooks", "have other systems told of all that happens")
