"""What costs much is computed once for all who ask for it: in each process, or in a server that they share."""
