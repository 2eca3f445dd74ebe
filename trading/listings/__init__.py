"""What is listed: assets, their files, announcements, and the search over them."""
