"""The Azure side of `./headroom manage doctor`: each call that the portal makes, tried once.

`examine.examine_azure` yields findings one by one, each as its check ends. Nothing is written
unless a deployment is named (`writing.try_write`).
"""
