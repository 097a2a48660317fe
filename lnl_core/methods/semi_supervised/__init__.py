"""Samples divided by how clean they look: some keep their labels, others are guessed or mixed."""
