"""The embedded default: PostgreSQL, Valkey and the demo's processes, with nothing to install.

Development, tests and the demo run on the same engines as production, taken from wheels and kept in
the git-ignored `var/` folder. Nothing here imports Django or the portal, and no part of the portal
imports this package: the two meet in environment variables only.
"""
