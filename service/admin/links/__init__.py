"""The HTTP face of deep links: where a link leads on the device that followed it."""
