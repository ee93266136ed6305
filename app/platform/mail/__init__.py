"""Mail: a row of the transaction that wants it, which a job hands over after the commit, at least once.

What it says is encrypted while it waits, and erased with the hand-over. A server that is away, or says `4xx`, is asked
again for more than a day; one that says `5xx` is believed.
"""
