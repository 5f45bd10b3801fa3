/*
 * kube-ovn: the executable that container runtimes call, as CNI plugin and as IPAM plugin.
 *
 * It forwards the CNI_* variables and standard input to the agent's unix socket and prints the answer. Every decision
 * is the agent's; this program only says so when there is no agent to ask. It must stay small and static: it is
 * started for every sandbox, by runtimes whose root may hold nothing else.
 *
 *   request  POST /cni; body = "NAME=value\0" for each CNI_* variable, "\0", standard input as it came
 *   answer   200: standard output, exit 0; any other status: standard output (an error object), exit 1
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

extern char **environ;

enum {
	CODE_INVALID_CONFIG = 7,  /* CNI specification, section 5, "Error" */
	CODE_IO = 5,
	CODE_TRY_AGAIN = 11,
	CODE_UNAVAILABLE = 50,
	/* A configuration holds the results of earlier plugins: generous, yet bounded. */
	MAX_INPUT = 1 << 20,
	MAX_ANSWER = 4 << 20,
	/* Longer than the agent's own deadline for ADD, which answers first in every case but a hang. */
	ANSWER_SECONDS = 110,
};

static const char DEFAULT_SOCKET[] = "/run/openvswitch/kube-ovn-daemon.sock";

struct buffer {
	char *bytes;
	size_t length, capacity;
};

/* As the configuration states it, '' when it does not. */
static char version[16];

/* Prints an error object and ends the process. The text holds no byte that JSON would have to escape but quotes. */
__attribute__((noreturn, format(printf, 2, 3))) static void fail(int code, const char *format, ...)
{
	char text[512];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	for (char *c = text; *c != '\0'; c++)
		if (*c == '"' || *c == '\\' || (unsigned char)*c < ' ')
			*c = '\'';
	printf("{\"cniVersion\":\"%s\",\"code\":%d,\"msg\":\"%s\"}\n", version[0] != '\0' ? version : "0.3.1", code, text);
	exit(1);
}

static void append(struct buffer *b, const void *bytes, size_t length)
{
	if (length > b->capacity - b->length) {
		size_t capacity = b->capacity < 4096 ? 4096 : b->capacity;
		while (capacity - b->length < length)
			capacity *= 2;
		char *grown = realloc(b->bytes, capacity);
		if (grown == NULL)
			fail(CODE_IO, "out of memory");
		b->bytes = grown;
		b->capacity = capacity;
	}
	if (length > 0)
		memcpy(b->bytes + b->length, bytes, length);
	b->length += length;
}

/* Reads to the end of the stream; more than `limit` bytes are an error of `code`. */
static void read_all(int fd, struct buffer *b, size_t limit, int code, const char *what)
{
	char chunk[16384];
	for (;;) {
		ssize_t n = read(fd, chunk, sizeof chunk);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			fail(code, "reading %s: %s", what, strerror(errno));
		if (n == 0)
			return;
		if (b->length + (size_t)n > limit)
			fail(code, "%s is longer than %zu bytes", what, limit);
		append(b, chunk, (size_t)n);
	}
}

/* The end of the JSON string that starts after its opening quote: its closing quote, or `end`. */
static const char *string_end(const char *s, const char *end)
{
	while (s < end && *s != '"')
		s += *s == '\\' && s + 1 < end ? 2 : 1;
	return s;
}

static const char *skip_space(const char *s, const char *end)
{
	while (s < end && strchr(" \t\r\n", *s) != NULL && *s != '\0')
		s++;
	return s;
}

/*
 * Copies the first string value of `key`, at whatever depth: an IPAM plugin's own keys are inside "ipam". False when
 * there is none, when it has escapes other than \/, or when it does not fit.
 */
static int find_string(const struct buffer *b, const char *key, char *out, size_t size)
{
	const char *s = b->bytes, *end = b->bytes + b->length;
	size_t key_length = strlen(key);
	while (s < end) {
		if (*s++ != '"')
			continue;
		const char *name = s;
		s = string_end(s, end);
		int same = (size_t)(s - name) == key_length && memcmp(name, key, key_length) == 0;
		if (s < end)
			s++;
		const char *colon = skip_space(s, end);
		if (!same || colon >= end || *colon != ':')
			continue;
		const char *value = skip_space(colon + 1, end);
		if (value >= end || *value != '"')
			continue;
		const char *last = string_end(++value, end);
		size_t length = 0;
		for (; value < last; value++) {
			if (*value == '\\' && (value + 1 >= last || *++value != '/'))
				return 0;
			if (length + 1 >= size || (unsigned char)*value < ' ')
				return 0;
			out[length++] = *value;
		}
		out[length] = '\0';
		return 1;
	}
	return 0;
}

static void find_version(const struct buffer *input)
{
	char found[sizeof version];
	if (find_string(input, "cniVersion", found, sizeof found) && found[0] != '\0' &&
	    strspn(found, "0123456789.") == strlen(found))
		strcpy(version, found);
}

/* Answers for an agent that is not there. Runtimes repeat what fails with code 11. */
__attribute__((noreturn)) static void without_agent(const char *path, int error)
{
	const char *command = getenv("CNI_COMMAND");
	if (command != NULL && strcmp(command, "VERSION") == 0) {
		printf("{\"cniVersion\":\"%s\",\"supportedVersions\":"
		       "[\"0.3.0\",\"0.3.1\",\"0.4.0\",\"1.0.0\",\"1.1.0\"]}\n", version[0] != '\0' ? version : "1.1.0");
		exit(0);
	}
	fail(command != NULL && strcmp(command, "STATUS") == 0 ? CODE_UNAVAILABLE : CODE_TRY_AGAIN,
	     "the kube-ovn agent does not answer on %s (%s); is the kube-ovn-cni pod of this node running?",
	     path, strerror(error));
}

static int dial(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct timeval patience = {.tv_sec = ANSWER_SECONDS};
	if (path[0] != '/' || strlen(path) >= sizeof address.sun_path)
		fail(CODE_INVALID_CONFIG, "server_socket is not a path of a unix socket: %s", path);
	strcpy(address.sun_path, path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		fail(CODE_IO, "socket: %s", strerror(errno));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
		without_agent(path, errno);
	return fd;
}

/* A server may answer and close before it has read everything; what it said is then still to be read. */
static void send_all(int fd, const struct buffer *b)
{
	for (size_t sent = 0; sent < b->length;) {
		ssize_t n = send(fd, b->bytes + sent, b->length - sent, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return;
		sent += (size_t)n;
	}
}

static void build_request(struct buffer *request, const struct buffer *input)
{
	struct buffer body = {0};
	char head[160];
	for (char **variable = environ; *variable != NULL; variable++)
		if (strncmp(*variable, "CNI_", 4) == 0)
			append(&body, *variable, strlen(*variable) + 1);
	append(&body, "", 1);
	append(&body, input->bytes, input->length);
	int length = snprintf(head, sizeof head,
			      "POST /cni HTTP/1.1\r\nHost: agent\r\nContent-Type: application/octet-stream\r\n"
			      "Content-Length: %zu\r\nConnection: close\r\n\r\n", body.length);
	append(request, head, (size_t)length);
	append(request, body.bytes, body.length);
	free(body.bytes);
}

/* The value of Content-Length in a NUL-terminated head, or -1. */
static long content_length(const char *head)
{
	for (const char *line = strstr(head, "\r\n"); line != NULL; line = strstr(line + 2, "\r\n"))
		if (strncasecmp(line + 2, "Content-Length:", 15) == 0)
			return strtol(line + 17, NULL, 10);
	return -1;
}

/* Prints the body; 0 for status 200, 1 for another. The agent states a length and closes after its answer. */
static int print_answer(struct buffer *answer)
{
	append(answer, "", 1);
	char *head_end = strstr(answer->bytes, "\r\n\r\n");
	int status = 0;
	if (head_end == NULL || sscanf(answer->bytes, "HTTP/1.%*1d %3d", &status) != 1)
		fail(CODE_TRY_AGAIN, "the kube-ovn agent ended before it answered");
	const char *body = head_end + 4;
	size_t length = answer->length - 1 - (size_t)(body - answer->bytes);
	*head_end = '\0';
	if (content_length(answer->bytes) != (long)length)
		fail(CODE_TRY_AGAIN, "the kube-ovn agent ended within its answer");
	if (fwrite(body, 1, length, stdout) != length || fflush(stdout) != 0)
		fail(CODE_IO, "writing the answer: %s", strerror(errno));
	return status == 200 ? 0 : 1;
}

int main(void)
{
	struct buffer input = {0}, request = {0}, answer = {0};
	char path[256];
	read_all(STDIN_FILENO, &input, MAX_INPUT, CODE_IO, "the configuration");
	find_version(&input);
	if (!find_string(&input, "server_socket", path, sizeof path))
		strcpy(path, DEFAULT_SOCKET);
	int fd = dial(path);
	build_request(&request, &input);
	send_all(fd, &request);
	read_all(fd, &answer, MAX_ANSWER, CODE_TRY_AGAIN, "the answer of the kube-ovn agent");
	int code = print_answer(&answer);
	close(fd);
	free(input.bytes);
	free(request.bytes);
	free(answer.bytes);
	return code;
}
