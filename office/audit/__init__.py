"""The audit log: append-only, hash-chained, every act and every look at protected facts."""
