"""Money: bank statements, payer rules, the double-entry journal."""
