"""Sends e-mail from jobs, over SMTP.

Starts a mail server, enqueues jobs, works them off, and shows what arrived:

    pip install 'taskq-redis[local]' aiosmtpd
    python examples/emails.py 20

The mail server turns one address away at first, so one job needs two attempts, and it does not know
another address, so one job ends in the dead letter queue.
"""

from __future__ import annotations

import asyncio
import os
import smtplib
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from email.message import EmailMessage

from aiosmtpd.smtp import SMTP, Envelope, Session

from taskq_core import AsyncClient, Backoff, Discard, Job, State, TaskQueue

TEMPLATES = {"welcome": "Hello {to},\n\nyour account is ready.\n"}

queue = TaskQueue("emails", concurrency=10, retries=3, backoff=Backoff(base=timedelta(milliseconds=200)))


@queue.process("send-email")
def send_email(job: Job) -> None:
    """Delivers one message to the server named by SMTP, such as ``localhost:25``."""
    message = EmailMessage()
    message["From"] = "shop@example.com"
    message["To"] = job.payload["to"]
    message["Subject"] = job.payload["subject"]
    # a job may run twice after a crash; the same Message-ID lets the mailbox see that
    message["Message-ID"] = f"<{job.id}@example.com>"
    message.set_content(TEMPLATES[job.payload["template"]].format(to=job.payload["to"]))
    host, port = os.environ.get("SMTP", "localhost:25").rsplit(":", 1)
    try:
        with smtplib.SMTP(host, int(port), timeout=10) as smtp:
            smtp.send_message(message)
    except smtplib.SMTPRecipientsRefused as refused:
        code, reply = next(iter(refused.recipients.values()))
        if code >= 500:
            raise Discard(f"{code} {reply.decode(errors='replace')}") from refused
        raise  # 4xx: try again later


class Mailbox:
    """An SMTP server that keeps what it is sent, and has two addresses with a will of their own."""

    def __init__(self) -> None:
        self.messages: dict[str, str] = {}
        self.turned_away: set[str] = set()

    async def handle_RCPT(  # noqa: N802 - the name aiosmtpd calls
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Answers one recipient."""
        if address.startswith("nobody@"):
            return "550 no such user"
        if address.startswith("busy@") and address not in self.turned_away:
            self.turned_away.add(address)
            return "451 try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Takes one message."""
        content = envelope.content
        text = content.decode() if isinstance(content, bytes) else content or ""
        self.messages |= dict.fromkeys(envelope.rcpt_tos, text)
        return "250 Message accepted"

    @asynccontextmanager
    async def open(self) -> AsyncIterator[str]:
        """Listens on a free port of this machine; gives the address."""
        loop = asyncio.get_running_loop()
        listener = await loop.create_server(lambda: SMTP(self, loop=loop), "127.0.0.1", 0)
        async with listener:
            host, port = listener.sockets[0].getsockname()
            yield f"{host}:{port}"


def payloads(count: int) -> list[dict[str, str]]:
    """The jobs: ``count`` addresses, of which two are difficult."""
    people = ["busy", "nobody", *(f"user{number}" for number in range(1, count - 1))][:count]
    return [{"to": f"{name}@example.com", "subject": "Welcome!", "template": "welcome"} for name in people]


async def drained(client: AsyncClient) -> None:
    """Returns when no job waits or runs."""
    while True:
        now = await client.snapshot(queue.name)
        if not now.ready_total + now.running + now.scheduled:
            return
        await asyncio.sleep(0.05)


async def main(count: int) -> int:
    """Runs it all; the exit code."""
    mailbox = Mailbox()
    async with mailbox.open() as address, AsyncClient(queue.url) as client:
        os.environ["SMTP"] = address
        print(f"mail server on {address}")
        receipts = await queue.add_many("send-email", payloads(count))
        print(f"{len(receipts)} jobs enqueued, the first is {receipts[0]}")
        worker = asyncio.create_task(queue.work())
        await drained(client)
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)
        await queue.close()
        page = await client.list_jobs(queue.name, State.DEAD)
    sent, late = len(mailbox.messages), len(mailbox.turned_away)
    print(f"{sent} messages delivered, {late} of them at the second attempt")
    refs = {receipt.ref for receipt in receipts}
    for job in page.jobs:
        if job.ref in refs and job.error:
            print(f"{job.ref} is dead: {job.error.message}")
    print(f"\n{mailbox.messages['busy@example.com'].strip()}")
    return 0 if sent == count - 1 else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main(int(sys.argv[1]) if sys.argv[1:] else 20)))
