"""The plaintext HTTP listener for whoever runs the service."""
