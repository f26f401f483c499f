"""The Django project around the application: settings, addresses, servers."""
