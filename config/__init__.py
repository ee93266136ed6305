"""What an operator may set: the typed settings and the list of installed modules."""
