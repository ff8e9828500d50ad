"""Gives every right Idempotency-Key a number of its own.

Otherwise the tool draws the same key for different requests, or for one whose row it has deleted
since: 422, or the old answer again, are right then, and no description can say when.
"""

import itertools
import re

import schemathesis

RIGHT = re.compile(r"[!-~]([ -~]{0,253}[!-~])?")
NUMBERS = itertools.count(1)


@schemathesis.hook
def before_call(context, case, kwargs):
    # A wrong request is refused before its key counts; edited, it would no longer be known as wrong.
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    key = (case.headers or {}).get("Idempotency-Key")
    if isinstance(key, str) and RIGHT.fullmatch(key):
        case.headers["Idempotency-Key"] = f"{next(NUMBERS)}-{key}"[:255].strip()
