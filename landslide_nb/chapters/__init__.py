"""The tables, pictures and findings of each chapter, a room each."""
