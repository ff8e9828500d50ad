"""What the tool has to be told of this API beside its configuration.

Every right Idempotency-Key gets a number of its own: otherwise the tool draws the same key for
different requests, or for one whose row it has deleted since; 422, or the old answer again, are right
then, and no description can say when.

Where the configuration lets an operation answer a right request with 400, the refusal must be one
that depends on what happened before, or that no schema can express.
"""

import itertools
import re

import schemathesis

RIGHT = re.compile(r"[!-~]([ -~]{0,253}[!-~])?")
NUMBERS = itertools.count(1)

# The texts, by operation; the reasons stand in schemathesis.toml.
REFUSALS = {
    "create_game": r"min_players must not be greater than max_players",
    "update_game": r"min_players must not be greater than max_players",
    "import_csv": r"The list is faulty; nothing was imported|csvData holds no games to replace the library with",
    "create_session": r"An active session already exists\. Please close it before creating a new one\.",
    "close_session": r"Session is already closed",
    "delete_session": r"Cannot delete an active session\. Please close it before deleting it\.",
    "add_game": r"Cannot add games to a closed session",
    "set_game_status": r"Cannot play games in a closed session",
    "start_player_check": r"Room code is required|Cannot check players in a closed session",
    "create_poll": r"Cannot open polls in a closed session",
    "vote_in_poll": r"option must be one of A to [B-J]",
}


def is_right(case):
    return case.meta is not None and case.meta.generation.mode.is_positive


@schemathesis.hook
def before_call(context, case, kwargs):
    # A wrong request is refused before its key counts; edited, it would no longer be known as wrong.
    key = (case.headers or {}).get("Idempotency-Key")
    if is_right(case) and isinstance(key, str) and RIGHT.fullmatch(key):
        case.headers["Idempotency-Key"] = f"{next(NUMBERS)}-{key}"[:255].strip()


@schemathesis.check
def refused_for_a_reason(context, response, case):
    if response.status_code != 400 or not is_right(case):
        return
    text = response.json()["error"]
    known = REFUSALS.get(case.operation.definition.raw["operationId"], "")
    assert re.fullmatch(known, text), f"a request that is right is refused: {text}"
