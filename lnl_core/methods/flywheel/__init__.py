"""LNL-flywheel (Kim et al. 2024): two EMs that turn one another, and its ablations."""
