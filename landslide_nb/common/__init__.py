"""What all rooms may use: errors, progress, files, locks, the store of kept results."""
