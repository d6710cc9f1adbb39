"""`manage.py doctor`: the portal's own side of the checks, the write's guard, and the printing."""
