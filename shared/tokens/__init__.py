"""Tokens, as everyone but the accounts service sees them: verified, never made. Read verifier.py first."""
