"""The rules of accounts: what a request may say, what a token says, when a sign-in may be renewed. Pure."""
