"""The doors of publishing: HTTP in and out, a file for each resource."""
