"""The demo: a service, a stand-in for Last.fm in a process of its own, and somebody who plays."""
