"""Payment of certificate orders: codes to scan, bank transfers, money at the counter, refunds, invoices."""
