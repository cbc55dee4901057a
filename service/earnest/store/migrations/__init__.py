"""The schema's history; a migration that was released is never changed."""
