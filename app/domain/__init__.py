"""The modules: one folder each, with a business name."""
