"""What every service agrees on: the wire, the bus, the runtime, the client."""
