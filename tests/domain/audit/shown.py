"""What the page of the trail is shown with: a change of a group; a sun in what rows say tells it from what the site says."""

ROWS = """
INSERT INTO accounts_group (name) VALUES ('Divers ☼');
UPDATE accounts_group SET name = 'Seals ☼' WHERE name = 'Divers ☼';
"""
