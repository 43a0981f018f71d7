"""Sessions as operators see and end them, and what the process carries out for them."""
