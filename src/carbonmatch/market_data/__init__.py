"""Released events -> depth, statistics and feeds. Pure: no socket, no clock."""
