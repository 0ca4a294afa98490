"""SOSL: text searched over many sObjects at once."""
