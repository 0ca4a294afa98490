"""The first Bulk API: jobs made of batches, for clients that need its serial mode. Source: Bulk API Developer Guide."""
