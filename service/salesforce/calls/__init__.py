"""Pure builders and parsers, one module per Salesforce resource: a request out, a value in."""
