"""How tables and pictures of the book look."""
