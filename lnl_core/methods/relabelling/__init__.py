"""Labels as variables: they move towards what the network predicts."""
