"""Who may look into the trail: one permission, for it tells of everybody."""

from app.kit.identity import Permission

READ_TRAIL = Permission("audit.read", "see all that was changed and by whom, personal values too, and take it back")
