"""What operators do to a venue, done as docs/ says: upgrades, backups, losses."""
