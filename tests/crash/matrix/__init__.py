"""Every crash point of every change of a command: the process is killed there, and the next run ends as without it.

A `Recording` is one run that nobody disturbed, with a copy of the cloud's and the user's folder from before each step.
A cell of the matrix begins with such a copy: one run is killed at a point of a change, a second is left alone, and then
all has to be as the recording left it. All processes are forked from one parent that has loaded everything and has no
threads (`parent`), which is what makes hundreds of them affordable.
"""
