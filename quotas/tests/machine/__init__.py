"""A machine that takes random steps through the services, and judges what it finds in the tables.

`world` is what it acts on, `picture` what the tables hold, `judge*` are the invariants written a
second time, slowly and simply, from rows and not from the code under test.
"""
