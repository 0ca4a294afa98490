"""Data cut into parts of whole rows, in Salesforce's CSV: each is one upload."""
