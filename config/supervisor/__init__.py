"""What `make up` runs: the processes of Backstop, started, watched, restarted and ended together.

    __main__   reads the settings, checks the ports, hands over to the loop
    services   which processes there are, as data, and when a dead one is tried again (pure)
    loop       the one loop: prepare → start → watch → stop
    child      one child process: its launch, its output, its whole process group
    launch     the few lines a child runs before it becomes its program
    prepare    the step before the children: checks, migrations, the first user (its own process)
    output     what the person sees; a reader that stands still never stops the supervision
    sweeper    ends what is left when the supervisor itself is killed
    ear        hears the signs of life of one child

The supervisor itself is standard library and settings only: it starts at once, is small, and no
database or network call can keep it from answering a signal.
"""
