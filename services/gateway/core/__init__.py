"""Pure: what a client's frame means to the gateway, and who is subscribed to what."""
