"""The platform's own commands: a room a kind, each imported only when one of its commands is wanted."""
