/*
 * neighbour: tells the neighbours of a pod's interface that it has arrived, after it has asked whether somebody has its
 * addresses already, and asks for its gateways. The agent starts it once OVN forwards for the interface; on overlay
 * networks OVN answers for everybody, and there is at most something to tell.
 *
 *   neighbour NETNS IFNAME TASK ADDRESS ...
 *     detect ADDRESS          probes of RFC 5227, 2.1.1, and RFC 4862, 5.4.2
 *     announce ADDRESS        a gratuitous ARP request, an unsolicited neighbour advertisement (RFC 4861, 7.2.6)
 *     gateway SOURCE GATEWAY  a request of SOURCE for GATEWAY
 *
 * Exit status: 0 done; 1 it could not be done; 2 an address is in use; 3 a gateway does not answer. What was found is on
 * standard error. Everything that is to be waited for is waited for at once: three requests, 100 ms apart, an answer to
 * a gateway's ends the wait.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 3, ROUND_MS = 100, MAX_TASKS = 16, FAILED = 1, IN_USE = 2, NO_GATEWAY = 3 };
enum { NS_TYPE = 135, NA_TYPE = 136 };

enum kind { DETECT, ANNOUNCE, GATEWAY };

struct task {
	enum kind kind;
	int family, answered;
	const char *text;
	/* The address that is asked for, or told of, and who asks. */
	uint8_t target[16], source[16];
};

static struct task tasks[MAX_TASKS];
static int count;
static int fd, interface_index;
static uint8_t mac[6];

__attribute__((noreturn, format(printf, 2, 3))) static void fail(int status, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	exit(status);
}

static int parse(const char *text, uint8_t *out)
{
	if (inet_pton(AF_INET, text, out) == 1)
		return 4;
	if (inet_pton(AF_INET6, text, out) == 1)
		return 6;
	fail(FAILED, "not an address: %s", text);
}

static void read_tasks(char **argv)
{
	while (*argv != NULL) {
		struct task *t = &tasks[count];
		if (count++ == MAX_TASKS)
			fail(FAILED, "too many addresses");
		t->kind = !strcmp(*argv, "detect") ? DETECT : !strcmp(*argv, "announce") ? ANNOUNCE : GATEWAY;
		if (t->kind == GATEWAY && strcmp(*argv, "gateway") != 0)
			fail(FAILED, "not a task: %s", *argv);
		if (argv[1] == NULL || (t->kind == GATEWAY && argv[2] == NULL))
			fail(FAILED, "an address is missing");
		t->family = parse(argv[1], t->source);
		t->text = argv[t->kind == GATEWAY ? 2 : 1];
		if (parse(t->text, t->target) != t->family)
			fail(FAILED, "addresses of two families: %s %s", argv[1], t->text);
		argv += t->kind == GATEWAY ? 3 : 2;
	}
}

static void open_interface(const char *netns, const char *name)
{
	struct ifreq request = {0};
	int ns = open(netns, O_RDONLY | O_CLOEXEC);
	if (ns < 0 || setns(ns, CLONE_NEWNET) != 0)
		fail(FAILED, "entering %s: %s", netns, strerror(errno));
	close(ns);
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));
	if (fd < 0)
		fail(FAILED, "packet socket: %s", strerror(errno));
	snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
	if (ioctl(fd, SIOCGIFINDEX, &request) != 0)
		fail(FAILED, "interface %s: %s", name, strerror(errno));
	interface_index = request.ifr_ifindex;
	if (ioctl(fd, SIOCGIFHWADDR, &request) != 0)
		fail(FAILED, "address of %s: %s", name, strerror(errno));
	memcpy(mac, request.ifr_hwaddr.sa_data, sizeof mac);
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = interface_index};
	if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0)
		fail(FAILED, "binding to %s: %s", name, strerror(errno));
}

static void transmit(const uint8_t *frame, size_t length)
{
	if (send(fd, frame, length, 0) != (ssize_t)length)
		fail(FAILED, "sending: %s", strerror(errno));
}

static uint8_t *ethernet(uint8_t *frame, const uint8_t *to, uint16_t type)
{
	memcpy(frame, to, 6);
	memcpy(frame + 6, mac, 6);
	frame[12] = type >> 8;
	frame[13] = type & 0xff;
	return frame + 14;
}

/* An ARP request (RFC 826) to everybody: of nobody (a probe), of the target itself (an announcement), or of the source. */
static void send_arp(const struct task *t)
{
	static const uint8_t everybody[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	static const uint8_t head[8] = {0, 1, 8, 0, 6, 4, 0, 1};
	uint8_t frame[60] = {0};
	uint8_t *p = ethernet(frame, everybody, ETH_P_ARP);
	memcpy(p, head, sizeof head);
	memcpy(p + 8, mac, 6);
	if (t->kind != DETECT)
		memcpy(p + 14, t->source, 4);
	memcpy(p + 24, t->target, 4);
	transmit(frame, sizeof frame);
}

static uint16_t checksum(const uint8_t *ip, size_t length)
{
	/* The pseudo header: addresses, length, next header. */
	uint32_t sum = (uint32_t)length + 58;
	for (size_t i = 8; i < 40 + length; i += 2)
		sum += (uint32_t)ip[i] << 8 | ip[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* A solicitation of nobody or of the source, or an advertisement to all nodes (RFC 4861, 4.3 and 4.4). */
static void send_ndp(const struct task *t)
{
	uint8_t to[16] = {0xff, 2, [11] = 1, [12] = 0xff}, group[6] = {0x33, 0x33};
	uint8_t frame[14 + 40 + 32] = {0};
	size_t length = t->kind == DETECT ? 24 : 32;
	memcpy(to + 13, t->target + 13, 3);
	if (t->kind == ANNOUNCE) {
		memset(to + 2, 0, 13);
		to[15] = 1;
	}
	memcpy(group + 2, to + 12, 4);
	uint8_t *ip = ethernet(frame, group, ETH_P_IPV6), *icmp = ip + 40;
	ip[0] = 0x60;
	ip[5] = (uint8_t)length;
	ip[6] = 58;
	ip[7] = 255;
	if (t->kind != DETECT)
		memcpy(ip + 8, t->source, 16);
	memcpy(ip + 24, to, 16);
	icmp[0] = t->kind == ANNOUNCE ? NA_TYPE : NS_TYPE;
	icmp[4] = t->kind == ANNOUNCE ? 0x20 : 0;
	memcpy(icmp + 8, t->target, 16);
	if (t->kind != DETECT) {
		icmp[24] = t->kind == ANNOUNCE ? 2 : 1;
		icmp[25] = 1;
		memcpy(icmp + 26, mac, 6);
	}
	uint16_t sum = checksum(ip, length);
	icmp[2] = sum >> 8;
	icmp[3] = sum & 0xff;
	transmit(frame, 14 + 40 + length);
}

static void ask(enum kind kind)
{
	for (struct task *t = tasks; t < tasks + count; t++) {
		if (t->kind != kind || t->answered)
			continue;
		if (t->family == 4)
			send_arp(t);
		else
			send_ndp(t);
	}
}

/* The address that a frame says its sender has; its length, 0 when it says nothing. */
static size_t told(const uint8_t *frame, size_t length, const uint8_t **address)
{
	const uint8_t *p = frame + 14;
	uint16_t type = length < 14 ? 0 : (uint16_t)(frame[12] << 8 | frame[13]);
	if (type == ETH_P_ARP && length >= 42) {
		*address = p + 14;
		return 4;
	}
	if (type == ETH_P_IPV6 && length >= 14 + 40 + 24 && p[6] == 58 && p[7] == 255 && p[40] == NA_TYPE) {
		*address = p + 48;
		return 16;
	}
	return 0;
}

static void hear(const uint8_t *frame, size_t length)
{
	const uint8_t *address = NULL;
	size_t size = told(frame, length, &address);
	if (size == 0 || memcmp(frame + 6, mac, 6) == 0)
		return;
	for (struct task *t = tasks; t < tasks + count; t++) {
		if ((size == 4) != (t->family == 4) || memcmp(address, t->target, size) != 0)
			continue;
		if (t->kind == DETECT)
			fail(IN_USE, "%s is in use by %02x:%02x:%02x:%02x:%02x:%02x", t->text, frame[6], frame[7], frame[8],
			     frame[9], frame[10], frame[11]);
		t->answered = 1;
	}
}

static int waits(enum kind kind)
{
	for (struct task *t = tasks; t < tasks + count; t++)
		if (t->kind == kind && !t->answered)
			return 1;
	return 0;
}

static long now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Asks, and listens, until everybody has answered or the rounds are over. */
static void rounds(enum kind kind)
{
	uint8_t frame[256];
	for (int round = 0; round < ROUNDS && waits(kind); round++) {
		ask(kind);
		for (long end = now() + ROUND_MS, left; waits(kind) && (left = end - now()) > 0;) {
			struct pollfd ready = {.fd = fd, .events = POLLIN};
			if (poll(&ready, 1, (int)left) <= 0)
				continue;
			ssize_t n = recv(fd, frame, sizeof frame, 0);
			if (n > 0)
				hear(frame, (size_t)n);
		}
	}
}

int main(int argc, char **argv)
{
	if (argc < 3)
		fail(FAILED, "usage: neighbour NETNS IFNAME TASK ADDRESS ...");
	read_tasks(argv + 3);
	open_interface(argv[1], argv[2]);
	rounds(DETECT);
	ask(ANNOUNCE);
	rounds(GATEWAY);
	for (struct task *t = tasks; t < tasks + count; t++)
		if (t->kind == GATEWAY && !t->answered)
			fail(NO_GATEWAY, "gateway %s does not answer", t->text);
	return 0;
}
