"""Salesforce's HTTP API: pure builders and parsers over one stack of transports."""
