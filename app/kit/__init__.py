"""The tool drawer: pure values, no I/O, no framework."""
