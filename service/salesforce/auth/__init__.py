"""Logging in: flows without I/O, and one cache of the token they yield."""
