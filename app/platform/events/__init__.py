"""The event log: what is published inside a transaction reaches each subscriber after it, in order, at least once.

A transaction writes its events to an outbox. Once no older transaction is under way, a sequencer moves them to the log,
where each has its position; a subscriber's effect and its step forward commit together.
"""
