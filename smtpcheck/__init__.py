"""Does this SMTP account work, if not why exactly, and what do I do about it?"""
