"""The servers that tests, benchmarks and fault drills need: RabbitMQ, PostgreSQL, Chromium.

Each is found in this order, and never skipped: an address in an environment variable (HOMIN_TEST_AMQP_URL,
HOMIN_TEST_DATABASE_URL, HOMIN_TEST_CHROMIUM); Docker, through testcontainers; a program of this machine, started on a
free port in a temporary folder; `apt-get install` of it. Where all four fail, `ServerMissing` names the command that
would bring it.

Outside pytest: `python -m tests.servers up` (see __main__).
"""
