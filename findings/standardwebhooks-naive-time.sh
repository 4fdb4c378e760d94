#!/usr/bin/env bash
# standardwebhooks 1.1.0 (PyPI), the reference library of Standard Webhooks (signed HTTP callbacks).
# One would guess: `sign(id, datetime.now(), body)` signs the present moment. Python's own `naive.timestamp()` takes a
#   datetime without a zone for local time.
# What happens: the library takes its digits for UTC. East of Greenwich the signature is for a moment in the future:
#   with the header that any other code would write, `int(now.timestamp())`, the library's own `verify` finds no
#   matching signature. On a server whose zone is UTC, as in most containers, nothing shows.
# What it means for chat: webhooks are signed with aware times only, and tested in a zone that is not UTC.
# Needs: Python 3.11 or later, with the zone files (Debian: tzdata).
set -euo pipefail
room=$(mktemp -d); trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/v"
"$room/v/bin/pip" install -qq --disable-pip-version-check standardwebhooks==1.1.0
"$room/v/bin/python" - <<'PY'
import os
import sys
import time
from datetime import UTC, datetime

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

webhook = Webhook("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")


def verifies(now: datetime) -> bool:
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": webhook.sign("msg_1", now, '{"text":"hi"}'),
    }
    try:
        webhook.verify('{"text":"hi"}', headers)
    except WebhookVerificationError:
        return False
    return True


seen = []
for zone in ("UTC", "Europe/Kyiv"):
    os.environ["TZ"] = zone
    time.tzset()
    for kind, now in (("naive", datetime.now()), ("aware", datetime.now(UTC))):
        seen.append(verifies(now))
        print(f"TZ={zone}, a {kind} datetime of now: {'verifies' if seen[-1] else 'no matching signature'}")
if seen != [True, True, False, True]:
    sys.exit("This has changed: a naive datetime is signed otherwise than it was.")
PY
