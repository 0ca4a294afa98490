"""The standard objects every emulated org starts with, one module for each."""

from service.emulator.schema.standard.account import ACCOUNT
from service.emulator.schema.standard.campaign import CAMPAIGN
from service.emulator.schema.standard.case import CASE
from service.emulator.schema.standard.contact import CONTACT
from service.emulator.schema.standard.event import EVENT
from service.emulator.schema.standard.lead import LEAD
from service.emulator.schema.standard.opportunity import OPPORTUNITY
from service.emulator.schema.standard.product2 import PRODUCT2
from service.emulator.schema.standard.task import TASK
from service.emulator.schema.standard.user import GROUP, ORGANIZATION, PROFILE, RECORD_TYPE, USER, USER_ROLE

STANDARD_OBJECTS = (
    ACCOUNT,
    CAMPAIGN,
    CASE,
    CONTACT,
    EVENT,
    GROUP,
    LEAD,
    OPPORTUNITY,
    ORGANIZATION,
    PRODUCT2,
    PROFILE,
    RECORD_TYPE,
    TASK,
    USER,
    USER_ROLE,
)
"""The definitions, by name."""

__all__ = ["STANDARD_OBJECTS"]
