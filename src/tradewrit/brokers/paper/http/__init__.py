"""The paper exchange behind HTTP, and the way to it."""
