"""The noise as a transition matrix, known or estimated before, put between network and loss."""
