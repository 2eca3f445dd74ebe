"""Everything before and after the live auction: documents of a sale, tasks, and who seals when."""
