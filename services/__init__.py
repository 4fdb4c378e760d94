"""The services. Each runs alone or, in services.standalone, with the others; they meet on the bus, never by import."""
