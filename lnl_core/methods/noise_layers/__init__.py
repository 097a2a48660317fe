"""A noise layer on the classifier, learned with it or given, and quasi-clustering of labels."""
