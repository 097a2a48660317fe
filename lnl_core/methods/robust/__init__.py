"""Losses and regularisers that wrong labels pull less; cores2 also sieves them, cal estimates T."""
