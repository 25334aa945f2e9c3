"""GitHub: the App's authentication, its requests and their errors, event payloads."""
