"""What every process of Homin needs to run: settings, log, metrics, health, the HTTP server, the database."""
