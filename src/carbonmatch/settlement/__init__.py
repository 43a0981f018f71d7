"""Settlement files: what the registry is told of a day's trades, made from the journal and nothing else."""
