"""What the house shows of itself: log lines, request ids, metrics, and a watch over the event loop."""
