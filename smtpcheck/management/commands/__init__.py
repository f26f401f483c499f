"""The commands that `manage.py help` lists under smtpcheck."""
