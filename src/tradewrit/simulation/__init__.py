"""A whole desk in a hostile virtual world, and the search for what it does wrong there."""
