"""Commands, reports and events, with what they are made of: taken from `matching.messages` by everybody."""
