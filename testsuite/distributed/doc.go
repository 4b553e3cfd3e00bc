// Package distributed starts what docker-compose.yml describes, without a container engine:
// every service with the command, environment, user, volumes and dependencies of that file, on a
// read-only root, without capabilities, in namespaces of its own; the programs come from packages.
// Then a run goes through it, while what it stands on is killed.
//
// A service of the image "everfold" sees what its Dockerfile puts into the image and nothing
// else. The others see this machine's /usr, and in /usr/local/bin the programs that their image
// has there. All share one network that is apart from the machine's; names are in /etc/hosts.
//
// Preconditions: Linux, and with -start root, the programs that `make e2e-distributed` builds, and
// Debian's packages postgresql, wget and ca-certificates. Without the flag the file is only
// translated.
//
// Non-goals: limits of cores and memory, published ports, and the images themselves: what PostgreSQL's
// image does before its server starts is done here by eight lines of shell.
package distributed
