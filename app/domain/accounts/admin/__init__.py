"""What accounts shows at the admin site."""
