"""Salesforce's words for the ways CSV is written."""

from typing import Literal

LineEnding = Literal["LF", "CRLF"]

DELIMITERS = {"COMMA": ",", "TAB": "\t", "PIPE": "|", "SEMICOLON": ";", "CARET": "^", "BACKQUOTE": "`"}
"""Column delimiters. Source: Bulk API 2.0, "Create a Job"."""
