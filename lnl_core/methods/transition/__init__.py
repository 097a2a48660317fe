"""The noise as a transition matrix, known, estimated first or learned; clean-only has none."""
