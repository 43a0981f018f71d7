"""Messages of the session layer and of the feed: taken from `protocol.messages` by everybody."""
