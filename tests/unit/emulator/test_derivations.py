"""Fields the org fills in from others."""

import pytest

from service.emulator.faults import SalesforceFault
from service.emulator.org import Org


@pytest.fixture
def org(clock):
    """An org with nothing but its administrator."""
    org = Org(clock=clock)
    yield org
    org.close()


def create(org, sobject, **values):
    return org.create(sobject, values, user_id=org.admin_id)


def update(org, sobject, record_id, **values):
    org.update(sobject, record_id, values, user_id=org.admin_id)


def fields(org, sobject, record_id, *names):
    record = org.get(sobject, record_id, names)
    return tuple(record[name] for name in names)


def test_name_follows_its_parts(org):
    """A contact's name is made of first and last name, also after one of them changes."""
    contact = create(org, "Contact", LastName="Doe", FirstName="Jane", Salutation="Ms.")
    assert fields(org, "Contact", contact, "Name") == ("Jane Doe",)

    update(org, "Contact", contact, FirstName=None)

    assert fields(org, "Contact", contact, "Name") == ("Doe",)


def test_stage_decides_probability_and_forecast(org, clock):
    """A stage sets probability, forecast and the closed flags, in creates and updates alike."""
    names = ("Probability", "ForecastCategory", "ForecastCategoryName", "IsClosed", "IsWon", "ExpectedRevenue")
    deal = create(org, "Opportunity", Name="Deal", StageName="Value Proposition", CloseDate="2026-05-05", Amount=300)
    assert fields(org, "Opportunity", deal, *names) == (50.0, "Pipeline", "Pipeline", False, False, 150.0)

    clock.passed = 60.0
    update(org, "Opportunity", deal, StageName="Closed Won")

    assert fields(org, "Opportunity", deal, *names) == (100.0, "Closed", "Closed", True, True, 300.0)
    assert fields(org, "Opportunity", deal, "LastStageChangeDate") == ("2026-03-01T12:01:00.000+0000",)


def test_given_probability_stands(org):
    """A probability that the caller gives is not overridden by the stage."""
    deal = create(org, "Opportunity", Name="Deal", StageName="Closed Lost", CloseDate="2026-12-31", Probability=40)

    assert fields(org, "Opportunity", deal, "Probability", "ForecastCategory") == (40.0, "Omitted")
    assert fields(org, "Opportunity", deal, "FiscalYear", "FiscalQuarter", "Fiscal") == (2026, 4, "2026 4")


def test_unrelated_update_changes_no_stage(org):
    """An update without a stage keeps the probability that was given before."""
    deal = create(org, "Opportunity", Name="Deal", StageName="Prospecting", CloseDate="2026-12-31", Probability=40)

    update(org, "Opportunity", deal, Amount=1000)

    assert fields(org, "Opportunity", deal, "Probability", "ExpectedRevenue") == (40.0, 400.0)


def test_cases_are_numbered_and_closed(org, clock):
    """Case numbers have eight digits and go up; closing dates the case, reopening takes the date away."""
    first, second = create(org, "Case"), create(org, "Case", Subject="x")
    assert fields(org, "Case", first, "CaseNumber", "Status", "Priority") == ("00001000", "New", "Medium")
    assert fields(org, "Case", second, "CaseNumber") == ("00001001",)

    update(org, "Case", first, Status="Closed")
    assert fields(org, "Case", first, "IsClosed", "ClosedDate") == (True, "2026-03-01T12:00:00.000+0000")
    clock.passed = 60.0
    update(org, "Case", first, Status="Closed")
    assert fields(org, "Case", first, "ClosedDate") == ("2026-03-01T12:00:00.000+0000",)
    update(org, "Case", first, Status="Working")
    assert fields(org, "Case", first, "IsClosed", "ClosedDate") == (False, None)


def test_task_knows_its_account(org):
    """A task belongs to the account of what it is about, and is closed by its status."""
    account = create(org, "Account", Name="Acme")
    deal = create(org, "Opportunity", Name="D", StageName="Prospecting", CloseDate="2026-05-05", AccountId=account)
    task = create(org, "Task", WhatId=deal, Status="Completed", Priority="High")

    assert fields(org, "Task", task, "AccountId", "IsClosed", "IsHighPriority") == (account, True, True)
    update(org, "Task", task, WhatId=account)
    assert fields(org, "Task", task, "AccountId") == (account,)
    update(org, "Task", task, WhatId=None)
    assert fields(org, "Task", task, "AccountId") == (None,)


@pytest.mark.parametrize(
    "values",
    [
        {"StartDateTime": "2026-05-05T10:00:00Z", "EndDateTime": "2026-05-05T11:30:00Z"},
        {"ActivityDateTime": "2026-05-05T10:00:00Z", "DurationInMinutes": 90},
        {"StartDateTime": "2026-05-05T12:00:00+02:00", "DurationInMinutes": "90"},
    ],
)
def test_event_times_agree(org, values):
    """However an event's time is given, all its fields agree on it."""
    event = create(org, "Event", **values)

    names = ("StartDateTime", "ActivityDateTime", "ActivityDate", "EndDateTime", "EndDate", "DurationInMinutes")
    assert fields(org, "Event", event, *names) == (
        "2026-05-05T10:00:00.000+0000",
        "2026-05-05T10:00:00.000+0000",
        "2026-05-05",
        "2026-05-05T11:30:00.000+0000",
        "2026-05-05",
        90,
    )


def test_moved_event_keeps_its_duration(org):
    """A new start moves the end; a new end changes the duration."""
    event = create(org, "Event", StartDateTime="2026-05-05T10:00:00Z", DurationInMinutes=30)

    update(org, "Event", event, StartDateTime="2026-05-06T10:00:00Z")
    assert fields(org, "Event", event, "EndDateTime", "DurationInMinutes") == ("2026-05-06T10:30:00.000+0000", 30)
    update(org, "Event", event, EndDateTime="2026-05-06T11:00:00Z")
    assert fields(org, "Event", event, "DurationInMinutes") == (60,)


def test_all_day_event_needs_only_its_date(org):
    """An all-day event lasts the day."""
    event = create(org, "Event", IsAllDayEvent=True, ActivityDate="2026-05-05")

    assert fields(org, "Event", event, "StartDateTime", "DurationInMinutes") == ("2026-05-05T00:00:00.000+0000", 1440)


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({}, "REQUIRED_FIELD_MISSING"),
        ({"StartDateTime": "2026-05-05T10:00:00Z"}, "REQUIRED_FIELD_MISSING"),
        (
            {"StartDateTime": "2026-05-05T10:00:00Z", "EndDateTime": "2026-05-05T09:00:00Z"},
            "FIELD_INTEGRITY_EXCEPTION",
        ),
        ({"StartDateTime": "4000-12-31T10:00:00Z", "DurationInMinutes": -(10**9)}, "NUMBER_OUTSIDE_VALID_RANGE"),
    ],
)
def test_event_without_a_time_is_refused(org, values, code):
    """An event needs a start and an end or a duration, in this order and within the calendar."""
    with pytest.raises(SalesforceFault) as caught:
        create(org, "Event", **values)

    assert code == caught.value.error_code


def test_new_user_gets_a_name_and_nickname(org):
    """A user's name and nickname are filled in; the username is unique."""
    settings = {"TimeZoneSidKey": "GMT", "LocaleSidKey": "en_US", "EmailEncodingKey": "UTF-8"}
    profile = org.get("User", org.admin_id, ["ProfileId"])["ProfileId"]
    person = {"Username": "jane@acme.example", "LastName": "Doe", "Email": "jane@acme.example", "Alias": "jdoe"}

    user = create(org, "User", **settings, **person, ProfileId=profile, LanguageLocaleKey="en_US", IsActive=True)

    assert fields(org, "User", user, "Name", "CommunityNickname", "IsActive") == ("Doe", "jdoe", True)
