"""Events: everything that can happen, one file per agent that says it, one registry for all."""
