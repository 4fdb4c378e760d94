"""The promises of the ports, one suite over every adapter: what passes here may stand in for one another."""
