"""Labels mixed with others or with predictions, by how clean they look or all alike."""
