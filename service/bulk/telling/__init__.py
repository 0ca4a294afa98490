"""What a load tells: events to its caller, how it looks from outside, figures to whoever operates the service."""
