"""What an environment may say, for tests of the settings."""

CANARY = "canary-3141"
OWN_DATABASE = {"DATABASE_URL": "postgresql://app:hunter2@db.internal:5432/app"}
TEST, PRODUCTION = {"LITEHOUSE_ENVIRONMENT": "test"}, {"LITEHOUSE_ENVIRONMENT": "production"}
