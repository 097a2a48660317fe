"""The noise as a layer on top of the classifier, learned with it."""
