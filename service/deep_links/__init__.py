"""Deep links: signed links to records, what a link opens on a device, claims, and the short links of providers."""
