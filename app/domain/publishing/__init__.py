"""The sample module: articles and the conversation about them, as the RealWorld API."""
