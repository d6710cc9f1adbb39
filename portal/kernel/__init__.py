"""What everything stands on: time, windows, units, money, errors.

Pure, except that the clock asks for now.
"""
