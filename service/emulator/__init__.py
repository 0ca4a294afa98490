"""A faithful Salesforce org in one process: state in SQLite, answers in Salesforce's own words."""
