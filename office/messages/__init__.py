"""Messages to people: in the site, by e-mail, by SMS; sent once, retried, seen."""
