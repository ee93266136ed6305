"""Who sees how the house is doing, and who may put right what is held up in it."""

from app.kit.identity import Permission

SEE_MACHINERY = Permission("admin.see_machinery", "see events, mail, health, migrations and settings")
MANAGE_MACHINERY = Permission("admin.manage_machinery", "have events tried again or skipped, and addresses get no mail")
