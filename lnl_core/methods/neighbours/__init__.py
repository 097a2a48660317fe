"""Labels judged by the samples that lie nearest in a learned, contrastive embedding."""
