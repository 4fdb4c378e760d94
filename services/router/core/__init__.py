"""Pure: what a room is and what each frame does to it. Time comes in as an argument; nothing here waits or fails for
outside reasons.
"""
