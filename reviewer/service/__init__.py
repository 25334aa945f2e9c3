"""The webhook service: settings, web, logging."""
