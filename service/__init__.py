"""Sluicegate: a gRPC service between a company's backend teams and Salesforce."""
