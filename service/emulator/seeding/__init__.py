"""First rows of an org from files: CSV, and JSON as `sf data export tree` writes it."""

from service.emulator.seeding.files import SeedError, SeedRecord, read_seed
from service.emulator.seeding.planting import plant_records

__all__ = ["SeedError", "SeedRecord", "plant_records", "read_seed"]
