"""Places that tell prices: one file per source, one port for all of them."""
