"""Pages of listings: for transferors, for administrators, for everybody."""
