"""What keeps a desk from hammering a venue that is down, slow or tired of it."""
