"""Logs and traces: never field values, tokens or SOQL literals."""
