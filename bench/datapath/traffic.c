/*
 * Traffic between two pods by plain sockets, and its times.
 *
 *   traffic serve ADDRESS PORT             answers one connection after the other, until it is ended; says so when it listens
 *   traffic stream ADDRESS PORT BYTES      one connection; milliseconds from its first byte until the server has them all
 *   traffic exchange ADDRESS PORT COUNT    one connection; milliseconds of each request and answer of a byte
 *   traffic connect ADDRESS PORT COUNT     milliseconds of each connection made, used for one exchange, and closed
 *
 * The first byte that a client sends says what it wants: a stream is read to its end and then answered, anything else is
 * answered byte by byte.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define STREAM 'S'
#define EXCHANGE 'E'

static char bytes[262144];

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static _Noreturn void fail(const char *what)
{
	perror(what);
	exit(1);
}

/* Nobody waits for ever, so that a packet that is dropped for good ends the program; connect(2) obeys SO_SNDTIMEO. */
static void prepare(int fd)
{
	int one = 1;
	struct timeval patience = {.tv_sec = 5};
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
}

static void answer(int fd)
{
	prepare(fd);
	ssize_t n = read(fd, bytes, 1);
	if (n == 1 && bytes[0] == STREAM) {
		while ((n = read(fd, bytes, sizeof bytes)) > 0)
			;
		if (n == 0 && write(fd, bytes, 1) != 1)
			perror("answer");
	} else {
		while (n > 0 && write(fd, bytes, (size_t)n) == n)
			n = read(fd, bytes, sizeof bytes);
	}
	close(fd);
}

static _Noreturn void serve(const struct sockaddr_in *address)
{
	int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(fd, (const struct sockaddr *)address, sizeof *address) != 0 || listen(fd, 64) != 0)
		fail("listen");
	puts("listening");
	fflush(stdout);
	for (;;) {
		int client = accept(fd, NULL, NULL);
		if (client >= 0)
			answer(client);
	}
}

static int dial(const struct sockaddr_in *address)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	prepare(fd);
	if (connect(fd, (const struct sockaddr *)address, sizeof *address) != 0)
		fail("connect");
	return fd;
}

static void exchange(int fd)
{
	char byte = EXCHANGE;
	if (write(fd, &byte, 1) != 1 || read(fd, &byte, 1) != 1)
		fail("exchange");
}

static void stream(const struct sockaddr_in *address, long count)
{
	int fd = dial(address);
	double started = now();
	bytes[0] = STREAM;
	for (long left = count + 1; left > 0;) {
		size_t most = left < (long)sizeof bytes ? (size_t)left : sizeof bytes;
		ssize_t n = write(fd, bytes, most);
		if (n <= 0)
			fail("stream");
		left -= n;
	}
	shutdown(fd, SHUT_WR);
	if (read(fd, bytes, 1) != 1)
		fail("end of stream");
	printf("%.4f\n", now() - started);
	close(fd);
}

static void exchanges(const struct sockaddr_in *address, long count)
{
	int fd = dial(address);
	exchange(fd);
	for (; count > 0; count--) {
		double started = now();
		exchange(fd);
		printf("%.4f\n", now() - started);
	}
	close(fd);
}

static void connections(const struct sockaddr_in *address, long count)
{
	for (; count > 0; count--) {
		double started = now();
		int fd = dial(address);
		exchange(fd);
		close(fd);
		printf("%.4f\n", now() - started);
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	if (argc < 4 || inet_pton(AF_INET, argv[2], &address.sin_addr) != 1)
		return 2;
	address.sin_port = htons((uint16_t)atoi(argv[3]));
	if (strcmp(argv[1], "serve") == 0)
		serve(&address);
	if (argc < 5)
		return 2;
	long count = atol(argv[4]);
	if (strcmp(argv[1], "stream") == 0)
		stream(&address, count);
	else if (strcmp(argv[1], "exchange") == 0)
		exchanges(&address, count);
	else if (strcmp(argv[1], "connect") == 0)
		connections(&address, count);
	else
		return 2;
	return 0;
}
