"""A process that takes turns with a key's sender and sends with each: `python -m tests.contract.racer`.

Arguments: the venue's URL, how many threads, how many requests each. Everything else is the environment's.
"""

import sys
import threading

import django


def main(url: str, threads: int, requests: int) -> None:
    django.setup()
    from django.db import connection

    from brackets.venue.kraken.adapter import KrakenVenue
    from brackets.venue.port import Accepted
    from brackets.venue.sender import SenderSlot, fingerprint
    from tests.contract.kraken_case import API_KEY, PRIVATE_KEY

    name = fingerprint(url=url, api_key=API_KEY)
    wrong: list[object] = []

    def race() -> None:
        venue = KrakenVenue(
            slot=SenderSlot(key_fingerprint=name, max_wait_seconds=60),
            url=url,
            api_key=API_KEY,
            private_key=PRIVATE_KEY,
        )
        outcomes = [venue.cancel("OAAAAA-BBBBB-CCCCCC") for _ in range(requests)]
        wrong.extend(outcome for outcome in outcomes if not isinstance(outcome, Accepted))
        connection.close()

    running = [threading.Thread(target=race) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    sys.exit(f"not accepted: {wrong}" if wrong else 0)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
