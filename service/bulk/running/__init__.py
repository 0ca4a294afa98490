"""One part at work, from its cut to its last result."""
