"""OpenAPI: the document that describes every operation, and the pages that show it."""
