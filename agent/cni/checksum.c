/*
 * checksum: makes an interface of a pod compute the checksums of what it sends, as `ethtool -K IFNAME tx off` does, within the
 * pod's network namespace. The userspace datapath of Open vSwitch takes packets of a veth as they are.
 *
 *   checksum NETNS IFNAME
 *
 * Exit status: 0 done, 1 not, with the reason on standard error.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

__attribute__((noreturn)) static void fail(const char *what)
{
	fprintf(stderr, "checksum: %s: %s\n", what, strerror(errno));
	exit(1);
}

int main(int argc, char **argv)
{
	struct ethtool_value off = {.cmd = ETHTOOL_STXCSUM, .data = 0};
	struct ifreq request = {.ifr_data = (char *)&off};
	if (argc != 3 || strlen(argv[2]) >= IFNAMSIZ) {
		fputs("usage: checksum NETNS IFNAME\n", stderr);
		return 1;
	}
	int netns = open(argv[1], O_RDONLY | O_CLOEXEC);
	if (netns < 0 || setns(netns, CLONE_NEWNET) != 0)
		fail(argv[1]);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		fail("socket");
	strcpy(request.ifr_name, argv[2]);
	if (ioctl(fd, SIOCETHTOOL, &request) != 0)
		fail(argv[2]);
	return 0;
}
