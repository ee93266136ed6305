"""A ledger whose effects are not idempotent by themselves: what is done twice, or half, stands there to be seen."""
