"""The configured orgs: each one with its client, its governor and what is cached of it."""
