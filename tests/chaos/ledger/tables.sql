-- Without any constraint that would keep an effect from happening twice.
CREATE TABLE ledger_entry (id uuid PRIMARY KEY DEFAULT uuidv7(), name text NOT NULL);
CREATE TABLE ledger_effect (entry_id uuid NOT NULL, kind text NOT NULL);
CREATE TABLE ledger_witness (event_id uuid NOT NULL);
