"""The tones of the site's stylesheet, by their numbers, in which a state is shown."""

AMBER, BLUE, GREEN, GREY, VIOLET, ROSE = range(6)
