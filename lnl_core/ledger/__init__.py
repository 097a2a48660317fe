"""The books: what was published, what was run, and whether the two agree."""
