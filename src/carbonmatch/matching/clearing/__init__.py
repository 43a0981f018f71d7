"""What accounts own: units, money, what of both is reserved, and how trades move them."""
