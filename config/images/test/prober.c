/*
 * Tries many connections at once to echo-servers and tells which are answered: tests of policies ask what packets do for all
 * pairs of pods, and only a wait shows that one is lost.
 *
 *   prober [-r ROUNDS] [-t ROUND_MS]
 *
 * Reads probes from its standard input, one a line, `tcp ADDRESS PORT` or `udp ADDRESS PORT`, up to an empty line; sends "?"
 * to each, and prints a line for each in their order: the name of the host that answered, or "-". Then it reads the next.
 * What has had no answer when a round (default 400 ms) is over is tried again, by a new socket, in up to ROUNDS (default 3).
 * Exit code: 0 at the end of the input, 2 for wrong use.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PROBES = 1000, ANSWER = 300 };

struct probe {
    int udp;
    struct sockaddr_storage to;
    socklen_t length;
    int asked;
    char answer[ANSWER];
};

static struct probe probes[PROBES];
static struct pollfd fds[PROBES];
static int count;

static long now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static void fail(const char *what)
{
    fprintf(stderr, "prober: %s\n", what);
    exit(2);
}

/* Numbers only: looking names up would need shared libraries, which a static program has not. */
static socklen_t address(const char *text, int port, struct sockaddr_storage *out)
{
    struct sockaddr_in *four = (void *)out;
    struct sockaddr_in6 *six = (void *)out;

    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET, text, &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        four->sin_port = htons(port);
        return sizeof *four;
    }
    if (inet_pton(AF_INET6, text, &six->sin6_addr) == 1) {
        six->sin6_family = AF_INET6;
        six->sin6_port = htons(port);
        return sizeof *six;
    }
    return 0;
}

static void add(const char *line)
{
    struct probe *probe = &probes[count];
    char protocol[8], host[64];
    int port;

    if (count == PROBES)
        fail("too many probes");
    if (sscanf(line, "%7s %63s %d", protocol, host, &port) != 3)
        fail("a probe is: tcp|udp ADDRESS PORT");
    probe->udp = strcmp(protocol, "udp") == 0;
    if (!probe->udp && strcmp(protocol, "tcp") != 0)
        fail("neither tcp nor udp");
    probe->length = address(host, port, &probe->to);
    if (probe->length == 0)
        fail("not an address");
    strcpy(probe->answer, "-");
    count++;
}

/* Up to the empty line; returns 0 at the end of the input. */
static int read_probes(void)
{
    char line[128];

    count = 0;
    while (fgets(line, sizeof line, stdin) != NULL) {
        if (line[0] == '\n')
            return 1;
        add(line);
    }
    return 0;
}

static void end(int i)
{
    close(fds[i].fd);
    fds[i].fd = -1;
}

static void begin(int i)
{
    struct probe *probe = &probes[i];
    int fd = socket(probe->to.ss_family, (probe->udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        fail(strerror(errno));
    fds[i].fd = fd;
    fds[i].events = POLLOUT;
    fds[i].revents = 0;
    probe->asked = 0;
    if (connect(fd, (void *)&probe->to, probe->length) < 0 && errno != EINPROGRESS)
        end(i);
}

static void ask(int i)
{
    if (send(fds[i].fd, "?\n", 2, MSG_NOSIGNAL) < 0) {
        end(i);
        return;
    }
    probes[i].asked = 1;
    fds[i].events = POLLIN;
}

/* The first word of an answer is the host; it fits one segment. */
static void take(int i)
{
    char in[ANSWER];
    ssize_t got = recv(fds[i].fd, in, sizeof in - 1, 0);

    if (got > 0) {
        in[got] = '\0';
        sscanf(in, "%299s", probes[i].answer);
    }
    end(i);
}

/* Tries what has no answer, until all have one or the time is over. */
static void run_round(long round_ms)
{
    long over = now() + round_ms;
    int left = 0;

    for (int i = 0; i < count; i++) {
        fds[i].fd = -1;
        if (strcmp(probes[i].answer, "-") == 0)
            begin(i);
    }
    do {
        long wait = over - now();

        if (poll(fds, count, wait > 0 ? (int)wait : 0) < 0 && errno != EINTR)
            fail(strerror(errno));
        left = 0;
        for (int i = 0; i < count; i++) {
            if (fds[i].fd >= 0 && fds[i].revents != 0)
                probes[i].asked ? take(i) : ask(i);
            left += fds[i].fd >= 0;
        }
    } while (left > 0 && now() < over);
    for (int i = 0; i < count; i++)
        if (fds[i].fd >= 0)
            end(i);
}

static int unanswered(void)
{
    for (int i = 0; i < count; i++)
        if (strcmp(probes[i].answer, "-") == 0)
            return 1;
    return 0;
}

int main(int argc, char **argv)
{
    long round_ms = 400;
    int rounds = 3, letter;

    while ((letter = getopt(argc, argv, "r:t:")) != -1) {
        if (letter == 'r')
            rounds = atoi(optarg);
        else if (letter == 't')
            round_ms = atol(optarg);
        else
            return 2;
    }
    if (optind != argc || rounds <= 0 || round_ms <= 0)
        fail("usage: prober [-r ROUNDS] [-t ROUND_MS]");
    while (read_probes()) {
        for (int i = 0; i < rounds && unanswered(); i++)
            run_round(round_ms);
        for (int i = 0; i < count; i++)
            printf("%s\n", probes[i].answer);
        fflush(stdout);
    }
    return 0;
}
