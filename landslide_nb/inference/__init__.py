"""Networks put together, handed on, and asked about new patches."""
