"""What a run is judged by: the epoch that a rule selects, and how well it saw through the noise."""
