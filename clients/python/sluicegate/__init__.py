"""The Python client of Sluicegate."""
