"""The stack every request to Salesforce passes: retry → authorize → govern → observe → http."""
