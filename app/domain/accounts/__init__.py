"""Who people are: users, passwords, tokens, and the viewer that a request brings."""
