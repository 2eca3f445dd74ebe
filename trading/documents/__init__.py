"""The documents of a sale, typeset from templates with the sale's data passed as data."""
