/*
 * probe-proxy: leads the kubelet's probes to pods of VPCs that no node reaches. The node's rules (drivers/iptables-rules.ts) bring
 * connections to these pods' ports here by TPROXY; each is made anew within the network namespace of its pod, and copied.
 *
 *   probe-proxy PORT
 *   standard input   tables: a line "ADDRESS PORT KIND NETNS" for each port, then a line "."; its end ends the program.
 *                    KIND is "bare" where a connection alone is the probe (tcpSocket), else "talk"
 *   standard output  "open ADDRESS PORT" and "closed ADDRESS PORT" of bare ports: of all after each table, then of those that change.
 *                    Whoever connects to a proxy has a connection before the proxy has one, so that a closed port must not be led here
 *
 * A process for each connection, and one that looks at bare ports once a second: each does one thing at a time.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_TARGETS = 4096, MAX_RELAYS = 256, LINE = 4096, COPY = 1 << 16 };
enum { CHECK_MS = 1000, CONNECT_S = 10, CHECK_CONNECT_S = 1, IDLE_MS = 300000 };

struct target {
	struct sockaddr_storage at;
	socklen_t length;
	bool bare, told, open;
	char name[INET6_ADDRSTRLEN + 8];
	char *netns;
};

struct table {
	struct target *targets;
	size_t count;
};

static struct table table;
static int listeners[2];
static int relays;
static pid_t checker = -1;

__attribute__((noreturn)) static void fail(const char *what)
{
	fprintf(stderr, "probe-proxy: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* A listener that takes what is for any address: TPROXY gives it connections to others' (ip(7), IP_TRANSPARENT). */
static int listener(int family, uint16_t port)
{
	int one = 1, fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	bool is_four = family == AF_INET;
	if (fd < 0 && !is_four)
		return -1; /* a node without IPv6 */
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
	    setsockopt(fd, is_four ? SOL_IP : SOL_IPV6, is_four ? IP_TRANSPARENT : IPV6_TRANSPARENT, &one, sizeof one) != 0 ||
	    (!is_four && setsockopt(fd, SOL_IPV6, IPV6_V6ONLY, &one, sizeof one) != 0) ||
	    bind(fd, is_four ? (struct sockaddr *)&four : (struct sockaddr *)&six, is_four ? sizeof four : sizeof six) != 0 ||
	    listen(fd, 128) != 0)
		fail("listening");
	return fd;
}

static bool parse(char *line, struct target *target)
{
	char address[INET6_ADDRSTRLEN], kind[5], netns[LINE];
	unsigned port;
	if (sscanf(line, "%45s %u %4s %4095s", address, &port, kind, netns) != 4 || port == 0 || port > UINT16_MAX)
		return false;
	struct sockaddr_in *four = (struct sockaddr_in *)&target->at;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)&target->at;
	*target = (struct target){.bare = strcmp(kind, "bare") == 0};
	if (inet_pton(AF_INET, address, &four->sin_addr) == 1) {
		four->sin_family = AF_INET;
		four->sin_port = htons((uint16_t)port);
		target->length = sizeof *four;
	} else if (inet_pton(AF_INET6, address, &six->sin6_addr) == 1) {
		six->sin6_family = AF_INET6;
		six->sin6_port = htons((uint16_t)port);
		target->length = sizeof *six;
	} else {
		return false;
	}
	snprintf(target->name, sizeof target->name, "%s %u", address, port);
	target->netns = strdup(netns);
	return target->netns != NULL;
}

/* A connection to the pod, made within it; blocking, -1 when there is none. Changes the namespace of this process. */
static int connected(const struct target *target, int seconds)
{
	struct timeval limit = {.tv_sec = seconds};
	int netns = open(target->netns, O_RDONLY | O_CLOEXEC);
	bool inside = netns >= 0 && setns(netns, CLONE_NEWNET) == 0;
	if (netns >= 0)
		close(netns);
	if (!inside)
		return -1;
	int fd = socket(target->at.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
	if (connect(fd, (const struct sockaddr *)&target->at, target->length) == 0)
		return fd;
	close(fd);
	return -1;
}

static pid_t child(void)
{
	pid_t parent = getpid(), pid = fork();
	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(0);
	return 0;
}

__attribute__((noreturn)) static void check(void)
{
	for (;;) {
		for (size_t i = 0; i < table.count; i++) {
			struct target *target = &table.targets[i];
			if (!target->bare)
				continue;
			int fd = connected(target, CHECK_CONNECT_S);
			bool is_open = fd >= 0;
			if (is_open)
				close(fd);
			if (target->told && target->open == is_open)
				continue;
			target->told = true;
			target->open = is_open;
			if (printf("%s %s\n", is_open ? "open" : "closed", target->name) < 0 || fflush(stdout) == EOF)
				_exit(0);
		}
		poll(NULL, 0, CHECK_MS);
	}
}

/* Copies what there is; false when no more comes or goes that way. */
static bool copied(int from, int to)
{
	static char buffer[COPY];
	ssize_t n = read(from, buffer, sizeof buffer);
	for (ssize_t done = 0; done < n;) {
		ssize_t written = send(to, buffer + done, (size_t)(n - done), MSG_NOSIGNAL);
		if (written < 0)
			return false;
		done += written;
	}
	if (n <= 0)
		shutdown(to, SHUT_WR);
	return n > 0;
}

static void copy(int client, int server)
{
	struct pollfd fds[] = {{.fd = client, .events = POLLIN}, {.fd = server, .events = POLLIN}};
	while ((fds[0].fd >= 0 || fds[1].fd >= 0) && poll(fds, 2, IDLE_MS) > 0) {
		if (fds[0].revents != 0 && !copied(client, server))
			fds[0].fd = -1;
		if (fds[1].revents != 0 && !copied(server, client))
			fds[1].fd = -1;
	}
}

/* Refuses late: the client has its connection already. */
static void reset(int client)
{
	struct linger now = {.l_onoff = 1, .l_linger = 0};
	setsockopt(client, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	close(client);
}

static bool is_for(const struct target *target, const struct sockaddr_storage *at)
{
	if (target->at.ss_family != at->ss_family)
		return false;
	const struct sockaddr_in *four = (const struct sockaddr_in *)at, *own = (const struct sockaddr_in *)&target->at;
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)at, *own6 = (const struct sockaddr_in6 *)&target->at;
	if (at->ss_family == AF_INET)
		return own->sin_port == four->sin_port && own->sin_addr.s_addr == four->sin_addr.s_addr;
	return own6->sin6_port == six->sin6_port && memcmp(&own6->sin6_addr, &six->sin6_addr, sizeof six->sin6_addr) == 0;
}

static const struct target *target_of(int client)
{
	struct sockaddr_storage at;
	socklen_t length = sizeof at;
	if (getsockname(client, (struct sockaddr *)&at, &length) != 0)
		return NULL;
	for (size_t i = 0; i < table.count; i++)
		if (is_for(&table.targets[i], &at))
			return &table.targets[i];
	return NULL;
}

static void take(int listener)
{
	int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (client < 0)
		return;
	const struct target *target = target_of(client);
	pid_t pid = target == NULL || relays >= MAX_RELAYS ? -1 : child();
	if (pid == 0) {
		int server = connected(target, CONNECT_S);
		if (server < 0)
			reset(client);
		else
			copy(client, server);
		_exit(0);
	}
	if (pid < 0) {
		reset(client);
		return;
	}
	relays++;
	close(client);
}

/* Those that have ended; the checker is ended by this process alone. */
static void reap(void)
{
	for (pid_t pid; (pid = waitpid(-1, NULL, WNOHANG)) > 0;) {
		if (pid == checker)
			checker = -1;
		else
			relays--;
	}
}

static void use(struct table *next)
{
	if (checker > 0)
		kill(checker, SIGKILL);
	for (size_t i = 0; i < table.count; i++)
		free(table.targets[i].netns);
	free(table.targets);
	table = *next;
	*next = (struct table){0};
	pid_t pid = child();
	if (pid == 0)
		check();
	if (checker > 0)
		relays++; /* counted off when it is reaped */
	checker = pid;
}

static void line_of(char *line)
{
	static struct table next;
	if (strcmp(line, ".") == 0) {
		use(&next);
		return;
	}
	if (next.targets == NULL && (next.targets = calloc(MAX_TARGETS, sizeof *next.targets)) == NULL)
		fail("memory");
	if (next.count < MAX_TARGETS && parse(line, &next.targets[next.count]))
		next.count++;
	else
		fprintf(stderr, "probe-proxy: not used: %s\n", line);
}

/* Takes what there is of lines; false at their end. */
static bool lines(void)
{
	static char buffer[LINE];
	static size_t size;
	ssize_t n = read(STDIN_FILENO, buffer + size, sizeof buffer - 1 - size);
	if (n <= 0)
		return n < 0 && errno == EINTR;
	size += (size_t)n;
	char *at = buffer, *end;
	while ((end = memchr(at, '\n', size - (size_t)(at - buffer))) != NULL) {
		*end = '\0';
		line_of(at);
		at = end + 1;
	}
	size -= (size_t)(at - buffer);
	memmove(buffer, at, size);
	return size < sizeof buffer - 1;
}

int main(int argc, char **argv)
{
	int port = argc == 2 ? atoi(argv[1]) : 0;
	if (port <= 0 || port > UINT16_MAX) {
		fputs("usage: probe-proxy PORT\n", stderr);
		return 1;
	}
	signal(SIGPIPE, SIG_IGN);
	listeners[0] = listener(AF_INET, (uint16_t)port);
	listeners[1] = listener(AF_INET6, (uint16_t)port);
	struct pollfd fds[] = {{.fd = STDIN_FILENO, .events = POLLIN},
			       {.fd = listeners[0], .events = POLLIN},
			       {.fd = listeners[1], .events = POLLIN}};
	for (;;) {
		/* A relay may end while nothing else happens; nobody waits for its number. */
		if (poll(fds, 3, CHECK_MS) < 0 && errno != EINTR)
			fail("poll");
		reap();
		for (int i = 1; i < 3; i++)
			if (fds[i].revents != 0)
				take(fds[i].fd);
		if (fds[0].revents != 0 && !lines())
			return 0;
	}
}
