"""The files: takes bytes in, has the router write their message, and gives them to who may read the room."""
