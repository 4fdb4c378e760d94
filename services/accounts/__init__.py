"""Accounts: who people are. Signs tokens, which all others only verify. Read core/, then accounts.py, then http.py."""
