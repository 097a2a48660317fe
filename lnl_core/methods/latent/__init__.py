"""The true label as a latent variable of a graphical model that is trained as a whole."""
