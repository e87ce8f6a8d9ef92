"""Configuration: one frozen tree from YAML and the environment."""
