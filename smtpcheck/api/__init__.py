"""The REST door: the drop-in for ``TestSmtpServer``, and the resources beside it."""
