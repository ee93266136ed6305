"""What the page of the trail is shown with: a change of a group, which has a sun in what it says."""

ROWS = """
INSERT INTO accounts_group (name) VALUES ('Divers ☼');
UPDATE accounts_group SET name = 'Seals ☼' WHERE name = 'Divers ☼';
"""
