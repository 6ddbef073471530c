"""The demo: a service, a stand-in for Last.fm in a separate process, and a simulated listener."""
