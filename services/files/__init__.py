"""The files: they take bytes in, keep them, have the router write the message, and give the bytes to who may read the room."""
