/*
 * Holds one TCP connection (or UDP flow) open to an echo-server, sends a counter at a steady pace and tells what came back:
 * tests restart things underneath and then ask what the traffic felt.
 *
 *   client [-u] [-i INTERVAL_MS] [-d SECONDS] [-g GAP_MS] HOST PORT
 *
 * Prints a line when a reply arrives GAP_MS (default 500) or more after the one before it, and at the end (after SECONDS, on
 * SIGTERM or SIGINT, or when a TCP connection breaks) one JSON line:
 *   {"sent":..,"received":..,"lost":..,"longestGapMs":..,"connected":true|false,"error":"..","host":".."}
 * Exit code: 0 when nothing is lost and the connection held, 1 otherwise, 2 for wrong use or no connection at all.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Replies to the last counters are waited for this long after the last one was sent. */
enum { LINGER_MS = 3000 };

static struct {
    int udp;
    long interval;
    long seconds;
    long gap;
} options = {.interval = 100, .gap = 500};

static long sent, received, longest;
static long last_sent, last_reply;
/* The counter of the newest reply: what is missing after it was lost at the end, what is missing before it was a gap. */
static long newest;
static char answered_by[256];
static volatile sig_atomic_t stopping;

static void on_signal(int number)
{
    (void)number;
    stopping = 1;
}

static long now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000 + time.tv_nsec / 1000000;
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

static int dial(const char *host, int port)
{
    struct sockaddr_storage to;
    socklen_t length = address(host, port, &to);
    int on = 1, fd;

    if (length == 0) {
        fprintf(stderr, "%s: not an address\n", host);
        return -1;
    }
    fd = socket(to.ss_family, (options.udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (void *)&to, length) < 0) {
        fprintf(stderr, "%s port %d: %s\n", host, port, strerror(errno));
        return -1;
    }
    if (!options.udp)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

static void note_reply(long time)
{
    long gap = time - last_reply;

    if (gap > longest)
        longest = gap;
    if (gap >= options.gap) {
        printf("gap %ld ms before reply %ld\n", gap, received + 1);
        fflush(stdout);
    }
    last_reply = time;
    received++;
}

/* A reply is "<host> <counter>\n"; over TCP they may come in pieces, so a line counts when its end is there. */
static int take(int fd)
{
    static char line[512];
    static size_t used;
    long counter;
    char in[4096];
    ssize_t got = recv(fd, in, sizeof in, MSG_DONTWAIT);

    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    /* ICMP errors of a UDP flow come and go with what is being restarted. */
    if (got < 0 && options.udp)
        return 0;
    if (got <= 0)
        return got < 0 ? errno : ECONNRESET;
    for (ssize_t i = 0; i < got; i++) {
        if (in[i] != '\n') {
            if (used < sizeof line - 1)
                line[used++] = in[i];
            continue;
        }
        line[used] = '\0';
        used = 0;
        if (sscanf(line, "%255s %ld", answered_by, &counter) == 2 && counter > newest)
            newest = counter;
        note_reply(now());
    }
    return 0;
}

static int say(int fd)
{
    char out[32];
    int size = snprintf(out, sizeof out, "%ld\n", sent + 1);

    if (send(fd, out, size, MSG_NOSIGNAL | MSG_DONTWAIT) == size || options.udp) {
        sent++;
        last_sent = now();
        return 0;
    }
    /* A full socket buffer: the path is down and TCP is retrying. */
    return errno == EAGAIN || errno == EINTR ? 0 : errno;
}

/* Until the end of the run; returns the error that broke the connection, or 0. */
static int run(int fd)
{
    long start = now(), next = start, over = options.seconds > 0 ? start + options.seconds * 1000 : 0, linger = 0;
    int error = 0;

    last_reply = start;
    while (error == 0 && (linger == 0 || (received < sent && now() < linger))) {
        struct pollfd pfd = {.fd = fd, .events = POLLIN};
        long wait = (linger == 0 ? next : linger) - now();

        poll(&pfd, 1, wait > 0 ? (int)wait : 0);
        if (pfd.revents != 0)
            error = take(fd);
        if (linger == 0 && (stopping || (over > 0 && now() >= over)))
            linger = now() + LINGER_MS;
        if (error == 0 && linger == 0 && now() >= next) {
            error = say(fd);
            next += options.interval;
            /* After a stop of the whole process, no burst to catch up. */
            if (next < now())
                next = now() + options.interval;
        }
    }
    if (newest < sent && last_sent - last_reply > longest)
        longest = last_sent - last_reply;
    return error;
}

static int usage(void)
{
    fprintf(stderr, "usage: client [-u] [-i INTERVAL_MS] [-d SECONDS] [-g GAP_MS] HOST PORT\n");
    return 2;
}

int main(int argc, char **argv)
{
    struct sigaction action = {.sa_handler = on_signal};
    int letter, fd, error;

    while ((letter = getopt(argc, argv, "ui:d:g:")) != -1) {
        switch (letter) {
        case 'u':
            options.udp = 1;
            break;
        case 'i':
            options.interval = atol(optarg);
            break;
        case 'd':
            options.seconds = atol(optarg);
            break;
        case 'g':
            options.gap = atol(optarg);
            break;
        default:
            return usage();
        }
    }
    if (argc - optind != 2 || options.interval <= 0)
        return usage();
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    fd = dial(argv[optind], atoi(argv[optind + 1]));
    if (fd < 0)
        return 2;
    printf("connected\n");
    fflush(stdout);
    error = run(fd);
    printf("{\"sent\":%ld,\"received\":%ld,\"lost\":%ld,\"longestGapMs\":%ld,\"connected\":%s,\"error\":\"%s\",\"host\":\"%s\"}\n",
           sent, received, sent - received, longest, error == 0 ? "true" : "false", error == 0 ? "" : strerror(error),
           answered_by);
    return error == 0 && received == sent ? 0 : 1;
}
