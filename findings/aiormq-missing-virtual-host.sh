#!/usr/bin/env bash
# aiormq: a virtual host that is missing, or closed to the user, is reported as a syntax error of the protocol.
#
# Guess:    the broker answers connection.open with connection.close 530 ("NOT_ALLOWED - vhost x not found"), for which
#           aiormq has ConnectionNotAllowed; so connecting raises that, an AMQPConnectionError and ConnectionError like
#           the one for a wrong password, with the broker's words in it.
# Happens:  it raises InvalidFrameError, a ProtocolSyntaxError and neither of the two, with the words "Expected one of
#           ['Connection.OpenOk'], got <Connection.Close object at 0x...>". What waits and retries on ConnectionError
#           crashes instead, and the broker's code and reason are gone: they are in no argument and in no attribute.
# Seen:     aiormq 7.2.4 (and aio-pika 10.2.1, which passes it on), RabbitMQ 3.10.8 (Debian 12).
# Homin:    reads connection.close from the stream itself (shared/bus/amqp/frames.py, refusal.py).
# Needs:    the Debian package rabbitmq-server, and Python 3.11 or later.
set -euo pipefail

folder=$(mktemp -d)
pids=()
clean_up() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    wait 2>/dev/null || true
    rm -rf "$folder"
}
trap clean_up EXIT

server=/usr/lib/rabbitmq/bin/rabbitmq-server
[[ -x $server ]] || { echo "This needs RabbitMQ: apt-get install rabbitmq-server"; exit 1; }
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check aiormq==7.2.4 aio-pika==10.2.1

# A broker of its own: ports, data and port mapper in the folder.
read -r amqp dist mapper < <(python3 -c '
import socket
held = [socket.socket() for _ in range(3)]
for each in held: each.bind(("127.0.0.1", 0))
print(*(each.getsockname()[1] for each in held))')
export HOME=$folder RABBITMQ_NODENAME=finding@localhost RABBITMQ_NODE_IP_ADDRESS=127.0.0.1 RABBITMQ_NODE_PORT=$amqp
export RABBITMQ_DIST_PORT=$dist RABBITMQ_MNESIA_BASE=$folder/data RABBITMQ_LOG_BASE=$folder/log
export RABBITMQ_PID_FILE=$folder/pid RABBITMQ_ENABLED_PLUGINS_FILE=$folder/plugins RABBITMQ_CONFIG_FILE=$folder/rabbitmq
export RABBITMQ_ADVANCED_CONFIG_FILE=$folder/advanced RABBITMQ_CONF_ENV_FILE=$folder/env RUNNING_UNDER_SYSTEMD=true
export RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS='-kernel inet_dist_use_interface {127,0,0,1}'
export ERL_EPMD_PORT=$mapper ERL_EPMD_ADDRESS=127.0.0.1 LC_ALL=C.UTF-8
echo '[].' > "$folder/plugins"
(cd "$folder" && exec epmd -d -port "$mapper") > "$folder/mapper.log" 2>&1 & pids+=($!)
(cd "$folder" && exec "$server") > "$folder/server.log" 2>&1 & pids+=($!)

cat > "$folder/finding.py" <<'PYTHON'
import asyncio
import logging
import sys

import aio_pika
import aiormq

logging.disable(logging.CRITICAL)


async def refusal(connect, url):
    """What connecting raises, once there is a broker to refuse it."""
    for _ in range(300):
        try:
            await (await connect(url)).close()
        except Exception as why:
            if "Connect call failed" not in str(why):
                return why
        else:
            return None
        await asyncio.sleep(0.2)
    raise SystemExit("RabbitMQ has not started; see its log.")


async def main(port):
    expected = {
        (aiormq.connect, "guest:guest", ""): (None, False),
        (aiormq.connect, "guest:wrong", ""): ("ProbableAuthenticationError", True),
        (aiormq.connect, "guest:guest", "missing"): ("InvalidFrameError", False),
        (aio_pika.connect, "guest:guest", "missing"): ("InvalidFrameError", False),
    }
    seen = {}
    for connect, login, vhost in expected:
        why = await refusal(connect, f"amqp://{login}@127.0.0.1:{port}/{vhost}")
        seen[connect, login, vhost] = (None if why is None else type(why).__name__, isinstance(why, ConnectionError))
        print(f"{connect.__module__.split('.')[0]}, {login}, virtual host {vhost or '/'}: {type(why).__name__}: {why}"
              f" (a ConnectionError: {isinstance(why, ConnectionError)})")
        if vhost and ("530" in str(why) or "not found" in str(why)):
            raise SystemExit("This version says why.")
    if seen != expected:
        raise SystemExit("This version behaves otherwise than the head of this script says.")


asyncio.run(main(sys.argv[1]))
PYTHON
"$folder/venv/bin/python" "$folder/finding.py" "$amqp"
