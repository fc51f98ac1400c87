"""What people and programs see of runs: live tables, events, lists, reasons."""
