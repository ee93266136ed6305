"""Jobs, as those who asked for them and those who look after them see them."""
