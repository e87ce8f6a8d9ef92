"""A desk against real time: what comes in, what goes out, and what is done when either fails."""
