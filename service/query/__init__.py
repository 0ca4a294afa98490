"""Queries: what columns a result has, and the reading of it page by page."""
