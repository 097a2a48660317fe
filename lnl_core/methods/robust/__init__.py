"""Losses and regularisers that wrong labels pull less: nothing is estimated, nothing is cleaned."""
