"""The bus: one port (port.py), two adapters (amqp.py, memory.py), one contract suite over both (tests/contract)."""
