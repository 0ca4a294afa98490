"""Bulk loads: the caller's rows to Salesforce's CSV, the job that writes them, and what became of each row."""
