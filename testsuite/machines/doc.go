// Package machines tests a run that several workers share, each on a machine of its own: its
// own network, its own disk, and one link over which it reaches the Temporal server and S3.
//
// A machine is a network namespace with a veth pair, and a tmpfs that no other machine sees. The
// test binary starts itself again in namespaces where it may make more of them, as root or, by a
// user namespace, as anybody; nothing of the host's network is touched, and everything ends with
// the process. Where the kernel or a container refuses that, or `ip` (iproute2) or `nsenter` and
// `unshare` (util-linux) are missing, the workers are processes with folders of their own, whose
// links are relays of the test: a cut link is then one on which nothing moves. The claims are
// the same; the reason is printed. EVERFOLD_TEST_NAMESPACES=off chooses that form.
package machines
