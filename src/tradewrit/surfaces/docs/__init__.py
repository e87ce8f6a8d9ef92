"""Reference pages printed from the code they are about, so that they cannot be out of date."""
