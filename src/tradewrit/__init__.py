"""A trading desk staffed by software agents that can act only inside their writ."""
