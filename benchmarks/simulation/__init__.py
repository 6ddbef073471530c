"""A simulation of everything that is known to go wrong, around the real service on a real SQLite file.

One seed is one run: a few listeners, a process that dies and restarts, a Last.fm with faults, a disk with failures, and
simulated time, so that nothing ever waits. All randomness comes from the seed, so a run can be repeated.

What is real: `tonearm.open` with every part that it composes, the statements and transactions of the store on a
SQLite file, the client down to the HTTP request, and the emulator's answers. What is not: time, the network
between the two, and the threads of the store, whose work is done in the event loop instead, transaction by
transaction, so that the order of things depends on the seed alone and the process can die at any commit.
"""
