"""The service: receives webhooks, keeps what it has promised, reviews and publishes."""
