"""Telling merchants: notifications are wrapped, signed by the Standard Webhooks rules, and posted until they arrive."""
