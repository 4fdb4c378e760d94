"""The router: it knows the rooms, keeps the log, and tells the gateways what to deliver to whom."""
