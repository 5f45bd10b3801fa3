/*
 * Answers HTTP (8080), TCP (8081) and UDP (8082) with the name of the host, which is the pod's, so that a test sees who
 * answered. One thread, poll(2), every address of both families. Other ports: echo-server HTTP TCP UDP.
 *
 *   HTTP  GET /          "<host>\n"
 *         GET /clientip  "<address of the client>\n"
 *         GET /healthz   "ok\n"         anything else: 404
 *   TCP   each line      "<host> <line>"
 *   UDP   each datagram  "<host> <datagram>"
 *
 * On SIGTERM it stops listening, answers what it has read, and ends.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HTTP, TCP, UDP, LISTENERS };
enum { CLIENTS = 1000, BUFFER = 8192 };

struct client {
    int http;
    size_t used;
    char in[BUFFER];
};

static char host[256];
static struct pollfd fds[LISTENERS + CLIENTS];
static struct client *clients[LISTENERS + CLIENTS];
static int count = LISTENERS;
static volatile sig_atomic_t stopping;

static void on_term(int number)
{
    (void)number;
    stopping = 1;
}

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

/* A dual-stack socket, or an IPv4 one where the kernel has no IPv6. */
static int listener(int type, int port)
{
    struct sockaddr_in6 any6 = {.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = in6addr_any};
    struct sockaddr_in any4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    int on = 1, off = 0;
    int fd = socket(AF_INET6, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int six = fd >= 0;

    if (!six)
        fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        fail("socket");
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (six)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (bind(fd, six ? (void *)&any6 : (void *)&any4, six ? sizeof any6 : sizeof any4) < 0)
        fail("bind");
    if (type == SOCK_STREAM && listen(fd, 128) < 0)
        fail("listen");
    return fd;
}

static void drop(int i)
{
    close(fds[i].fd);
    free(clients[i]);
    count--;
    fds[i] = fds[count];
    clients[i] = clients[count];
}

static void welcome(int from)
{
    int fd = accept4(fds[from].fd, NULL, NULL, SOCK_CLOEXEC);
    struct client *client;

    if (fd < 0)
        return;
    client = count < LISTENERS + CLIENTS ? calloc(1, sizeof *client) : NULL;
    if (client == NULL) {
        close(fd);
        return;
    }
    client->http = from == HTTP;
    fds[count].fd = fd;
    fds[count].events = POLLIN;
    fds[count].revents = 0;
    clients[count++] = client;
}

/* Answers are short; a client that does not read them is dropped rather than waited for. */
static int reply(int fd, const char *data, size_t size)
{
    return send(fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)size ? 0 : -1;
}

static void client_address(int fd, char *out, size_t size)
{
    struct sockaddr_storage peer;
    struct sockaddr_in6 *six = (void *)&peer;
    struct sockaddr_in *four = (void *)&peer;
    socklen_t length = sizeof peer;

    snprintf(out, size, "unknown");
    if (getpeername(fd, (void *)&peer, &length) < 0)
        return;
    if (peer.ss_family == AF_INET)
        inet_ntop(AF_INET, &four->sin_addr, out, size);
    else if (IN6_IS_ADDR_V4MAPPED(&six->sin6_addr))
        inet_ntop(AF_INET, six->sin6_addr.s6_addr + 12, out, size);
    else
        inet_ntop(AF_INET6, &six->sin6_addr, out, size);
}

static int http_reply(int fd, const char *request)
{
    char body[300], out[600], path[200] = "";
    const char *status = "200 OK";
    int keep = strcasestr(request, "connection: close") == NULL && strstr(request, "HTTP/1.1") != NULL;
    int size;

    sscanf(request, "%*15s %199[^? \r\n]", path);
    if (strcmp(path, "/") == 0 || strcmp(path, "/hostname") == 0) {
        snprintf(body, sizeof body, "%s\n", host);
    } else if (strcmp(path, "/healthz") == 0) {
        snprintf(body, sizeof body, "ok\n");
    } else if (strcmp(path, "/clientip") == 0) {
        client_address(fd, body, sizeof body - 1);
        strcat(body, "\n");
    } else {
        status = "404 Not Found";
        snprintf(body, sizeof body, "not found\n");
    }
    size = snprintf(out, sizeof out,
                    "HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\nConnection: %s\r\n\r\n%s",
                    status, strlen(body), keep ? "keep-alive" : "close", body);
    return reply(fd, out, size) < 0 || !keep ? -1 : 0;
}

/* One request or line at the start of the buffer: its length, 0 when it is not whole yet. */
static size_t whole(const struct client *client)
{
    const char *mark = client->http ? "\r\n\r\n" : "\n";
    const char *end = memmem(client->in, client->used, mark, strlen(mark));

    return end == NULL ? 0 : (size_t)(end - client->in) + strlen(mark);
}

static int answer(int fd, struct client *client)
{
    char out[BUFFER + sizeof host + 1];
    size_t size;

    while ((size = whole(client)) > 0) {
        int failed;

        if (client->http) {
            client->in[size - 1] = '\0';
            failed = http_reply(fd, client->in);
        } else {
            int named = snprintf(out, sizeof out, "%s ", host);

            memcpy(out + named, client->in, size);
            failed = reply(fd, out, named + size);
        }
        if (failed)
            return -1;
        client->used -= size;
        memmove(client->in, client->in + size, client->used);
    }
    /* A line that fills the buffer will never be whole. */
    return client->used == BUFFER ? -1 : 0;
}

/* Returns whether the client stays. */
static int serve(int i)
{
    struct client *client = clients[i];
    ssize_t got = recv(fds[i].fd, client->in + client->used, BUFFER - client->used, MSG_DONTWAIT);

    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return 1;
    if (got <= 0)
        return 0;
    client->used += got;
    return answer(fds[i].fd, client) == 0;
}

static void echo_datagram(void)
{
    char out[65536];
    struct sockaddr_storage from;
    socklen_t length = sizeof from;
    int named = snprintf(out, sizeof out, "%s ", host);
    ssize_t got = recvfrom(fds[UDP].fd, out + named, sizeof out - named, MSG_DONTWAIT, (void *)&from, &length);

    if (got >= 0)
        sendto(fds[UDP].fd, out, named + got, MSG_DONTWAIT, (void *)&from, length);
}

static void stop_listening(void)
{
    for (int i = 0; i < LISTENERS; i++) {
        close(fds[i].fd);
        fds[i].fd = -1;
    }
}

static void turn(void)
{
    /* From the end, because a dropped client is replaced by the last. */
    for (int i = count - 1; i >= LISTENERS; i--) {
        if (fds[i].revents != 0 && !serve(i))
            drop(i);
    }
    if (fds[HTTP].revents != 0)
        welcome(HTTP);
    if (fds[TCP].revents != 0)
        welcome(TCP);
    if (fds[UDP].revents != 0)
        echo_datagram();
}

int main(int argc, char **argv)
{
    struct sigaction term = {.sa_handler = on_term};
    static const int types[LISTENERS] = {SOCK_STREAM, SOCK_STREAM, SOCK_DGRAM};

    if (argc != 1 && argc != 4) {
        fprintf(stderr, "usage: echo-server [HTTP-PORT TCP-PORT UDP-PORT]\n");
        return 2;
    }
    sigaction(SIGTERM, &term, NULL);
    sigaction(SIGINT, &term, NULL);
    gethostname(host, sizeof host - 1);
    for (int i = 0; i < LISTENERS; i++) {
        fds[i].fd = listener(types[i], argc == 4 ? atoi(argv[i + 1]) : 8080 + i);
        fds[i].events = POLLIN;
    }
    printf("%s listens\n", host);
    fflush(stdout);
    while (!stopping) {
        if (poll(fds, count, -1) < 0) {
            if (errno == EINTR)
                continue;
            fail("poll");
        }
        turn();
    }
    stop_listening();
    if (poll(fds, count, 0) > 0)
        turn();
    return 0;
}
