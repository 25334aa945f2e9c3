"""Reviews as people and programs read them."""
