"""Pure rules: what bytes are, how a data URL, a range, a condition and a name are read."""
