/*
 * netfilter-watch: tells when somebody changes ipsets or iptables of the agent's, at a cost that the agent does not feel.
 *
 * The kernel tells of rules in nf_tables, and of nothing else: ipsets are dumped and hashed here, once a second or less often
 * when there is much to dump, and old-style tables are asked how many entries they have. What was changed and whether it
 * matters is the agent's business; this program knows names only.
 *
 *   standard output  a line per change: "iptables" or "ipset"
 *   standard input   its end ends the program, so that it never outlives the agent
 *   argument         "legacy": also look at the tables of iptables-legacy
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/ipset/ip_set.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	PERIOD_MS = 1000,
	/* A dump may take this part of the time: 1/500 of a processor. */
	SHARE = 500,
	/* The protocol of ipset that every kernel in use understands. */
	IPSET_VERSION = 6,
	FOLLOW_NETLINK = 1 << 20,
	FNV_PRIME = 16777619,
};

static const uint32_t FNV_START = 2166136261u;

static char buffer[1 << 16] __attribute__((aligned(NLMSG_ALIGNTO)));

__attribute__((noreturn)) static void fail(const char *what)
{
	fprintf(stderr, "netfilter-watch: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* Whoever reads has gone when this fails. */
static void tell(const char *what)
{
	if (puts(what) == EOF || fflush(stdout) == EOF)
		exit(0);
}

static int64_t now_ms(clockid_t clock)
{
	struct timespec at;
	clock_gettime(clock, &at);
	return (int64_t)at.tv_sec * 1000 + at.tv_nsec / 1000000;
}

static int netlink(uint32_t groups)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = groups };
	int size = FOLLOW_NETLINK;
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0)
		fail("netlink");
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
	return fd;
}

static const struct nlattr *attribute(const struct nlmsghdr *message, int type)
{
	const char *at = (const char *)NLMSG_DATA(message) + NLMSG_ALIGN(sizeof(struct nfgenmsg));
	const char *end = (const char *)message + message->nlmsg_len;
	while (at + NLA_HDRLEN <= end) {
		const struct nlattr *found = (const struct nlattr *)at;
		if (found->nla_len < NLA_HDRLEN || at + found->nla_len > end)
			break;
		if ((found->nla_type & NLA_TYPE_MASK) == type)
			return found;
		at += NLA_ALIGN(found->nla_len);
	}
	return NULL;
}

/* The text of an attribute, "" when it is not there. */
static const char *text(const struct nlmsghdr *message, int type)
{
	const struct nlattr *found = attribute(message, type);
	if (found == NULL || found->nla_len <= NLA_HDRLEN)
		return "";
	const char *value = (const char *)found + NLA_HDRLEN;
	return value[found->nla_len - NLA_HDRLEN - 1] == '\0' ? value : "";
}

/* Chains in which there are rules of the agent's. */
static bool is_ours(const char *chain)
{
	static const char *const kernels[] = { "PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING" };
	if (strncmp(chain, "OVN-", 4) == 0)
		return true;
	for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++)
		if (strcmp(chain, kernels[i]) == 0)
			return true;
	return false;
}

static bool concerns_rules(const struct nlmsghdr *message)
{
	if (NFNL_SUBSYS_ID(message->nlmsg_type) != NFNL_SUBSYS_NFTABLES)
		return false;
	switch (NFNL_MSG_TYPE(message->nlmsg_type)) {
	case NFT_MSG_NEWRULE:
	case NFT_MSG_DELRULE:
		return is_ours(text(message, NFTA_RULE_CHAIN));
	case NFT_MSG_NEWCHAIN:
	case NFT_MSG_DELCHAIN:
		return is_ours(text(message, NFTA_CHAIN_NAME));
	case NFT_MSG_DELTABLE:
		return true;
	default:
		return false;
	}
}

/* Whether any of what the kernel has told concerns the agent; what was too much to keep may have. */
static bool rules_changed(int fd)
{
	bool changed = false;
	for (;;) {
		ssize_t length = recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
		if (length < 0 && errno == ENOBUFS) {
			changed = true;
			continue;
		}
		if (length < 0 && (errno == EAGAIN || errno == EINTR))
			return changed;
		if (length <= 0)
			fail("nf_tables");
		int left = (int)length;
		for (struct nlmsghdr *m = (struct nlmsghdr *)buffer; NLMSG_OK(m, left); m = NLMSG_NEXT(m, left))
			changed = changed || concerns_rules(m);
	}
}

static uint32_t hash(uint32_t seed, const void *bytes, size_t length)
{
	const unsigned char *at = bytes;
	for (size_t i = 0; i < length; i++)
		seed = (seed ^ at[i]) * FNV_PRIME;
	return seed;
}

static void ask_for_sets(int fd)
{
	struct {
		struct nlmsghdr head;
		struct nfgenmsg family;
		struct nlattr protocol;
		uint8_t version;
		uint8_t padding[3];
	} request = {
		.head = { .nlmsg_len = sizeof request,
			  .nlmsg_type = NFNL_SUBSYS_IPSET << 8 | IPSET_CMD_LIST,
			  .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_DUMP },
		.family = { .nfgen_family = AF_INET, .version = NFNETLINK_V0 },
		.protocol = { .nla_len = NLA_HDRLEN + 1, .nla_type = IPSET_ATTR_PROTOCOL },
		.version = IPSET_VERSION,
	};
	if (send(fd, &request, sizeof request, 0) < 0)
		fail("ipset");
}

/* One number for all that is in the agent's sets. A set that changes while it is dumped makes another one, which is right. */
static uint32_t sets(int fd)
{
	uint32_t sum = FNV_START;
	ask_for_sets(fd);
	for (;;) {
		ssize_t length = recv(fd, buffer, sizeof buffer, 0);
		if (length < 0 && errno == EINTR)
			continue;
		if (length <= 0)
			fail("ipset");
		int left = (int)length;
		for (struct nlmsghdr *m = (struct nlmsghdr *)buffer; NLMSG_OK(m, left); m = NLMSG_NEXT(m, left)) {
			if (m->nlmsg_type == NLMSG_DONE || m->nlmsg_type == NLMSG_ERROR)
				return sum;
			const char *name = text(m, IPSET_ATTR_SETNAME);
			if (strncmp(name, "ovn40", 5) == 0 || strncmp(name, "ovn60", 5) == 0)
				sum = hash(sum, NLMSG_DATA(m), m->nlmsg_len - NLMSG_HDRLEN);
		}
	}
}

/* The shape of the old-style tables: hooks, number of entries and size, which all but an exchange of equal rules changes. */
static uint32_t legacy_tables(void)
{
	static const char *const names[] = { "nat", "mangle", "filter" };
	uint32_t sum = FNV_START;
	for (int six = 0; six < 2; six++) {
		int fd = socket(six ? AF_INET6 : AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
		if (fd < 0)
			continue;
		for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
			/* Both families have the same layout. */
			struct ipt_getinfo info = { 0 };
			socklen_t size = sizeof info;
			strcpy(info.name, names[i]);
			if (getsockopt(fd, six ? SOL_IPV6 : SOL_IP, six ? IP6T_SO_GET_INFO : IPT_SO_GET_INFO, &info, &size) == 0)
				sum = hash(sum, &info, sizeof info);
		}
		close(fd);
	}
	return sum;
}

int main(int argc, char **argv)
{
	bool legacy = argc > 1 && strcmp(argv[1], "legacy") == 0;
	int rules = netlink(1 << (NFNLGRP_NFTABLES - 1)), dump = netlink(0);
	uint32_t sets_before = sets(dump), tables_before = legacy ? legacy_tables() : 0;
	int64_t due = now_ms(CLOCK_MONOTONIC) + PERIOD_MS;
	/* What has changed before now, nobody was told of. */
	tell("iptables");
	tell("ipset");
	for (;;) {
		struct pollfd fds[] = { { .fd = rules, .events = POLLIN }, { .fd = STDIN_FILENO, .events = POLLIN } };
		int64_t wait = due - now_ms(CLOCK_MONOTONIC);
		if (poll(fds, 2, wait > 0 ? (int)wait : 0) < 0 && errno != EINTR)
			fail("poll");
		if (fds[1].revents != 0 && read(STDIN_FILENO, buffer, sizeof buffer) <= 0)
			return 0;
		if (fds[0].revents != 0 && rules_changed(rules))
			tell("iptables");
		if (now_ms(CLOCK_MONOTONIC) < due)
			continue;
		int64_t started = now_ms(CLOCK_PROCESS_CPUTIME_ID);
		uint32_t sets_now = sets(dump), tables_now = legacy ? legacy_tables() : 0;
		int64_t pause = (now_ms(CLOCK_PROCESS_CPUTIME_ID) - started) * SHARE;
		if (sets_now != sets_before)
			tell("ipset");
		if (tables_now != tables_before)
			tell("iptables");
		sets_before = sets_now;
		tables_before = tables_now;
		due = now_ms(CLOCK_MONOTONIC) + (pause > PERIOD_MS ? pause : PERIOD_MS);
	}
}
