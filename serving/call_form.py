"""The form in which a manager makes a call: from typed texts to a request, or to sentences that say what is wrong."""

from pydantic import ValidationError

from serving.call_schemas import AdjustmentRequest

_SENTENCES = {
    "period": "Choose one of the quarters.",
    "level": "Choose for whom the call is.",
    "id": "Choose for whom the call is.",
    "amount": "Write the amount as a plain number of 0 or more, such as 1200000 or 1200000.50; leave it empty to take "
    "your call back.",
    "note": "Say why, in up to 1,000 characters.",
    "author": "Say who you are, in up to 200 characters.",
}


def read_form(typed: dict[str, str]) -> tuple[AdjustmentRequest | None, list[str]]:
    """Return the request that the form's fields make, or None and what is wrong with them.

    ``group`` is a level and an id with a space between; spaces in the amount may part its thousands.

    >>> typed = {"period": "this", "group": "team South", "amount": "600 000", "note": "Two verbal.", "author": "Ines"}
    >>> request, mistakes = read_form(typed)
    >>> request.level, request.id, str(request.amount), mistakes
    ('team', 'South', '600000', [])
    >>> read_form(typed | {"amount": "1.2M"})[1][0][:37]
    'Write the amount as a plain number of'
    """
    level, _, group_id = typed["group"].partition(" ")
    document = {
        "period": typed["period"],
        "level": level,
        "id": group_id,
        "amount": "".join(typed["amount"].split()) or None,
        "note": typed["note"],
        "author": typed["author"],
    }
    try:
        return AdjustmentRequest.model_validate(document), []
    except ValidationError as error:
        fields = dict.fromkeys(str(entry["loc"][0]) for entry in error.errors())
        return None, list(dict.fromkeys(_SENTENCES[field] for field in fields))
