"""The metrics of a venue, in the groups in which they are read."""
