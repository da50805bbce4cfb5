"""Cal.com: free times, bookings. Its API, version 2, tells the shape of an answer by a header."""

from turnwise.tools.integrations.definition import (
    ConfigField,
    Credential,
    Integration,
    IntegrationTool,
    base_url,
    bearer,
    record,
    text,
    whole,
)

_BOOKINGS = {"cal-api-version": "2024-08-13"}
_SLOTS = {"cal-api-version": "2024-09-04"}
_EVENT_TYPES = {"cal-api-version": "2024-06-14"}
_START = text("When it begins, as ISO 8601 in UTC, such as 2026-05-04T13:30:00Z.")
_UID = {"booking_uid": text("The uid of the booking.")}

CALCOM = Integration(
    integration_id="calcom",
    name="Cal.com",
    description="Finds free times and books appointments.",
    credentials=(
        Credential(
            credential_id="calcom_api_key",
            name="API key",
            fields=(
                ConfigField(name="api_key", description="Key of the account.", secret=True),
                base_url("https://api.cal.com"),
            ),
            authorise=bearer("api_key"),
        ),
    ),
    tools=(
        IntegrationTool(
            name="calcom_list_event_types",
            description="Lists the kinds of appointments that a person offers.",
            method="GET",
            path="/v2/event-types",
            query={"username": text("The person's name in Cal.com.")},
            headers=_EVENT_TYPES,
        ),
        IntegrationTool(
            name="calcom_get_available_slots",
            description="Finds free times for a kind of appointment between two days.",
            method="GET",
            path="/v2/slots",
            query={
                "eventTypeId": whole("The id of the kind of appointment."),
                "start": text("The first day, such as 2026-05-04."),
                "end": text("The last day, such as 2026-05-08."),
                "timeZone": text("The user's time zone, such as Europe/Berlin."),
            },
            required_query=("eventTypeId", "start", "end"),
            headers=_SLOTS,
        ),
        IntegrationTool(
            name="calcom_create_booking",
            description="Books an appointment at a free time.",
            method="POST",
            path="/v2/bookings",
            body=record(
                "start",
                "eventTypeId",
                "attendee",
                start=_START,
                eventTypeId=whole("The id of the kind of appointment."),
                attendee=record(
                    "name",
                    "email",
                    "timeZone",
                    name=text("The user's name."),
                    email=text("The user's e-mail address."),
                    timeZone=text("The user's time zone, such as Europe/Berlin."),
                    phoneNumber=text("The user's phone number, with + and country code."),
                ),
            ),
            headers=_BOOKINGS,
        ),
        IntegrationTool(
            name="calcom_find_bookings",
            description="Finds the bookings of a user by e-mail address.",
            method="GET",
            path="/v2/bookings",
            query={
                "attendeeEmail": text("The user's e-mail address."),
                "status": text("Which ones.", enum=["upcoming", "past", "cancelled"]),
            },
            required_query=("attendeeEmail",),
            headers=_BOOKINGS,
        ),
        IntegrationTool(
            name="calcom_reschedule_booking",
            description="Moves a booking to another free time.",
            method="POST",
            path="/v2/bookings/{booking_uid}/reschedule",
            path_params=_UID,
            body=record("start", start=_START, reschedulingReason=text("Why it is moved.")),
            headers=_BOOKINGS,
        ),
        IntegrationTool(
            name="calcom_cancel_booking",
            description="Cancels a booking.",
            method="POST",
            path="/v2/bookings/{booking_uid}/cancel",
            path_params=_UID,
            body=record(cancellationReason=text("Why it is cancelled.")),
            headers=_BOOKINGS,
        ),
    ),
)
