"""What `manage.py demo` is made of: a sandbox, examples against it, and a look at their tests.

Everything it keeps lies beside the settings file that SMTPCHECK_ENV_FILE names.
"""
