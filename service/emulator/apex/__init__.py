"""Code of an org: Apex REST endpoints and invocable actions, written in Python or as data."""

from service.emulator.apex.code import Apex, ApexRequest, ApexResponse
from service.emulator.apex.files import ApexFileError, load_apex

__all__ = ["Apex", "ApexFileError", "ApexRequest", "ApexResponse", "load_apex"]
