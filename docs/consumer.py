"""A receiver of Shoal's messages: takes only what is signed, applies each effect once, and the latest version holds.

    pip install standardwebhooks
    SECRETS="whsec_..." python consumer.py 8440 consumer.db

Put https in front. While the secret changes, SECRETS holds both. Your own systems work through the table `actions`.
"""

import os
import sqlite3
import sys
from contextlib import closing, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks import Webhook, WebhookVerificationError

TABLES = """
CREATE TABLE IF NOT EXISTS versions (campaign TEXT PRIMARY KEY, version INTEGER);
CREATE TABLE IF NOT EXISTS named (account TEXT, campaign TEXT, PRIMARY KEY (account, campaign));
CREATE TABLE IF NOT EXISTS actions (id INTEGER PRIMARY KEY, action TEXT, account TEXT, message TEXT);
"""


def apply(db: sqlite3.Connection, message: dict) -> None:
    """One transaction. An account is blocked as long as one campaign names it."""
    campaign, version = message["campaign_id"], message["version"]
    new = {account["account_id"] for account in message["accounts"]}  # of a withdrawn campaign: none
    with db:
        db.execute("BEGIN IMMEDIATE")
        (last,) = db.execute("SELECT max(version) FROM versions WHERE campaign = ?", [campaign]).fetchone()
        if last is not None and last >= version:
            return
        db.execute("INSERT OR REPLACE INTO versions VALUES (?, ?)", [campaign, version])
        old = {row[0] for row in db.execute("SELECT account FROM named WHERE campaign = ?", [campaign])}
        db.execute("DELETE FROM named WHERE campaign = ?", [campaign])
        for account in sorted(old ^ new):  # those that are named now and were not, or the other way round
            if not db.execute("SELECT 1 FROM named WHERE account = ?", [account]).fetchone():
                action = ("block" if account in new else "unblock", account, message["message_id"])
                db.execute("INSERT INTO actions VALUES (NULL, ?, ?, ?)", action)
        db.executemany("INSERT INTO named VALUES (?, ?)", [(account, campaign) for account in new])


class Consumer(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        message = None
        for secret in os.environ["SECRETS"].split():
            with suppress(WebhookVerificationError, ValueError):
                message = Webhook(secret).verify(body, dict(self.headers))
        if message is not None:
            with closing(sqlite3.connect(sys.argv[2], isolation_level=None, timeout=5)) as db:
                db.executescript(TABLES)
                apply(db, message)
        self.send_response(401 if message is None else 204)
        self.end_headers()


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Consumer).serve_forever()
