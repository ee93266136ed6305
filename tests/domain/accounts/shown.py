"""Groups and people for the pages of the admin site; a sun in what rows say tells it from what the site says."""

ROWS = """
INSERT INTO accounts_group (name) SELECT 'Sailors ☼' || n FROM generate_series(1, 3) n;
"""
