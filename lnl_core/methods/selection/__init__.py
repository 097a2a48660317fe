"""Samples chosen by their losses: the ones that are learned late or forgotten count less."""
