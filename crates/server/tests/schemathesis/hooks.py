"""What the tool has to be told of this API beside its configuration.

Every right Idempotency-Key gets a number of its own: otherwise the tool draws the same key for
different requests, or for one whose row it has deleted since; 422, or the old answer again, are right
then, and no description can say when.

Every second right request is about something that is there. Left alone the tool would hardly ever
meet an open poll, or a game that is being played, and see 404 in all their places.

Where the configuration lets an operation answer a right request with 400, the refusal must be one
that depends on what happened before, or that no schema can express.
"""

import datetime
import itertools
import os
import re

import requests
import schemathesis

RIGHT_KEY = re.compile(r"[!-~][ -~]{0,254}")
NUMBERS = itertools.count(1)

# What no schema says of formats and of webhooks.
FORMAT = (
    r"format template needs a template|template is for the format template alone"
    r"|template must not be longer than 8192 bytes|template(, line \d+)?: .*"
)
WEBHOOK = (
    FORMAT + r"|headers must hold at most 32 names, each once|headers: .* is set by the server"
    r"|headers: \*\*\* stands for a value that .* does not have"
    r"|retry_schedule_ms cannot stand beside retry_attempts or retry_delay_ms"
    r"|retry_schedule_ms: retry \d+ waits \d+ ms: a wait is 1 ms to 7 days"
    r"|app: there is no app with this id"
)
EVENT = r"data must be an object of at most 65536 bytes|data: JSON nested more than 100 deep"

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
    "create_webhook": WEBHOOK,
    "update_webhook": WEBHOOK,
    "preview_format": FORMAT + "|" + EVENT,
    "preview_webhook": r"template(, line \d+)?: .*|" + EVENT,
    "replay_deliveries": r"since must not be later than until",
}


class Night:
    """What requests can be about; each part is made where there is none."""

    def __init__(self, base_url):
        self.base_url = base_url.rstrip("/")
        self.headers = {"Authorization": f"Bearer {os.environ['FANFARE_TOKEN']}"}

    def ask(self, method, path, body=None):
        reply = requests.request(method, self.base_url + path, json=body, headers=self.headers, timeout=10)
        return reply.json()

    def games(self):
        ids = [game["id"] for game in self.ask("GET", "/api/games")]
        while len(ids) < 3:
            game = {"pack_name": "Fuzzed", "title": f"Game {next(NUMBERS)}", "min_players": 1, "max_players": 8}
            ids.append(self.ask("POST", "/api/games", game)["id"])
        return ids[:3]

    def session(self):
        active = self.ask("GET", "/api/sessions/active")
        return active["id"] if "id" in active else self.ask("POST", "/api/sessions", {})["id"]

    def session_game(self):
        session = self.session()
        path = f"/api/sessions/{session}/games"
        rows = [row for row in self.ask("GET", path) if row["room_code"]]
        row = rows[0] if rows else self.ask("POST", path, {"game_id": self.games()[0], "room_code": "ABCD"})
        return session, row["id"]

    def poll(self):
        path = f"/api/sessions/{self.session()}/polls"
        answer = self.ask("POST", path, {"gameIds": self.games()[:2], "seconds": 300})
        return answer.get("pollId") or answer["id"]

    def webhook(self):
        ids = [webhook["id"] for webhook in self.ask("GET", "/api/webhooks")]
        webhook = {"name": "Fuzzed", "url": "http://127.0.0.1:9/", "secret": "s", "events": ["*"]}
        return ids[0] if ids else self.ask("POST", "/api/webhooks", webhook)["id"]

    def delivery(self):
        webhook = self.webhook()
        for state in ["pending", "failed", "held"]:
            rows = self.ask("GET", f"/api/webhooks/{webhook}/deliveries?state={state}")
            if rows and isinstance(rows, list):
                return webhook, rows[0]["id"]
        self.ask("POST", f"/api/webhooks/test/{webhook}")
        rows = self.ask("GET", f"/api/webhooks/{webhook}/deliveries")
        return webhook, rows[0]["id"] if rows and isinstance(rows, list) else 1

    def without_session(self):
        self.ask("POST", f"/api/sessions/{self.session()}/close")

    def without_poll(self):
        self.ask("DELETE", f"/api/polls/{self.poll()}")


def is_right(case):
    return case.meta is not None and case.meta.generation.mode.is_positive


def operation_id(case):
    return case.operation.definition.raw["operationId"]


def send_home(case, night):
    """Makes a right request one about something that is there."""
    name, path, body = operation_id(case), case.operation.path, case.body
    if name == "create_session":
        night.without_session()
    elif "{session_game_id}" in path:
        session, row = night.session_game()
        case.path_parameters = {"id": session, "session_game_id": row}
    elif path.startswith("/api/sessions/{id}"):
        case.path_parameters = {"id": night.session()}
    elif path.startswith("/api/games/{id}"):
        case.path_parameters = {"id": night.games()[-1]}
    elif path.startswith("/api/polls/{id}"):
        case.path_parameters = {"id": night.poll()}
    elif "{delivery_id}" in path:
        webhook, delivery = night.delivery()
        case.path_parameters = {"id": webhook, "delivery_id": delivery}
    elif path.startswith("/api/webhooks/{id}"):
        case.path_parameters = {"id": night.webhook()}
    if name == "create_poll":
        night.without_poll()
    if not isinstance(body, dict):
        return
    if name == "create_game":
        case.body = {**body, "title": f"Game {next(NUMBERS)}"}
    elif name == "add_game":
        case.body = {**body, "game_id": night.games()[0]}
    elif name == "create_poll" and body.get("gameIds"):
        case.body = {**body, "gameIds": night.games()}
    elif name == "vote_in_poll":
        case.body = {**body, "option": "a"}
    elif name == "record_vote":
        night.session_game()
        now = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=2 * next(NUMBERS))
        case.body = {**body, "timestamp": now.isoformat()}


@schemathesis.hook
def before_call(context, case, kwargs):
    # A wrong request is refused before its key counts; edited, it would no longer be known as wrong.
    if not is_right(case):
        return
    key = (case.headers or {}).get("Idempotency-Key")
    if isinstance(key, str) and RIGHT_KEY.fullmatch(key):
        case.headers["Idempotency-Key"] = f"{next(NUMBERS)}-{key}"[:255].strip()
    # The stateful phase knows what it has made.
    if case.meta.phase.name != "stateful" and next(NUMBERS) % 2 == 0:
        send_home(case, Night(case.operation.schema.get_base_url()))


@schemathesis.check
def refused_for_a_reason(context, response, case):
    if response.status_code != 400 or not is_right(case):
        return
    text = response.json()["error"]
    known = REFUSALS.get(operation_id(case), "")
    assert re.fullmatch(known, text), f"a request that is right is refused: {text}"
