"""Jobs: what is left to be done after a commit, as rows of the transaction that wants it done.

One table is delivery and truth. A worker takes a row by a lease; the job's effect and its *done* commit together, and
only while the lease is the worker's own.
"""
