"""`make chaos`: the real processes under load while something kills, stops and cuts them; then the verdict.

    options   what is asked for, as one frozen value
    house     a whole Backstop in a folder of its own: started, asked, ended
    keeper    starts processes again when they die, as systemd would (where `make up` does not)
    postgres  a PostgreSQL server of our own, for it must be restarted
    wire      the network between Backstop and its venue, which can be cut
    targets   which living process plays which part
    monkey    what is done to them, from a seed
    load      people and scripts that trade meanwhile
    judge     whether the venue's own file is sound; shares no code with the product
    audit     the simulator's auditor over that file and the book
    verdict   calm, convergence, and everything that must be true then

Nothing in the product knows of it.
"""
