"""What operators do to sessions, and what the process carries out for them."""
