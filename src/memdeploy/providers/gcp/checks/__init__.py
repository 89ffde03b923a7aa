"""What must be so before anything is made, as named checks: `preflight` and `memdeploy doctor` run the same list.

A check reads, changes nothing, and gives `Finding`s. Those that need an answer of the project's run side by side, once
the credentials and the project were found good.
"""
