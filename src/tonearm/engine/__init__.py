"""The alarm clock: it says which account may have something to do, never what."""
