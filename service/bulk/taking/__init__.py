"""What the caller of a load says, taken in order: data, commits and the end."""
