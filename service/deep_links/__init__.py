"""Deep links: signed links to records, and what a link opens on a device. Pure: nothing here waits or calls out."""
