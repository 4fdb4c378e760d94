"""PURE: what the cores of several services share."""
