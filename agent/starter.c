/*
 * starter: starts programs for the agent. The agent's own fork would copy the page tables of a process of 120 MB, and its loop
 * stands still meanwhile; this process is small, and waits for the program and its output, too.
 *
 *   standard input   requests; its end kills what still runs and ends the program
 *   standard output  answers, in the order in which programs end
 *
 * All numbers are of 32 bits in the byte order of the machine; the first of a message is the length of what follows it.
 *   request  length, id, milliseconds until it is killed, number of words, bytes of input; the words, each with a NUL; the input
 *   answer   length, id, how it ended (enum end), a number (status, signal, errno), bytes of output; the output; standard error
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum end { EXITED, SIGNALLED, NOT_STARTED };

enum {
	/* More output than this is no output of the tools that the agent runs. */
	MAX_OUTPUT = 64 << 20,
	MAX_REQUEST = 64 << 20,
	MAX_WORDS = 4096,
	STEP = 1 << 16,
	HEADER = 5 * sizeof(uint32_t),
};

struct bytes {
	char *data;
	size_t size, room;
};

struct job {
	struct job *next;
	uint32_t id;
	pid_t pid;
	int64_t deadline;
	bool killed, reaped;
	int status;
	/* -1 when closed. */
	int in, out, err;
	struct bytes input, output, error;
	size_t written;
};

static struct job *jobs;
static sigset_t no_signals;

extern char **environ;

__attribute__((noreturn)) static void fail(const char *what)
{
	fprintf(stderr, "starter: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int64_t now_ms(void)
{
	struct timespec at;
	clock_gettime(CLOCK_MONOTONIC, &at);
	return at.tv_sec * 1000 + at.tv_nsec / 1000000;
}

/* Room for `more` bytes behind those that are there. */
static char *room(struct bytes *b, size_t more)
{
	if (b->room - b->size < more) {
		size_t wanted = b->size + more;
		b->room = wanted > 2 * b->room ? wanted : 2 * b->room;
		b->data = realloc(b->data, b->room);
		if (b->data == NULL)
			fail("memory");
	}
	return b->data + b->size;
}

static void append(struct bytes *b, const void *data, size_t size)
{
	if (size == 0)
		return;
	memcpy(room(b, size), data, size);
	b->size += size;
}

static void write_all(const char *data, size_t size)
{
	while (size > 0) {
		ssize_t n = write(STDOUT_FILENO, data, size);
		if (n < 0 && errno == EINTR)
			continue;
		/* Whoever reads has gone. */
		if (n <= 0)
			exit(0);
		data += n;
		size -= (size_t)n;
	}
}

static void answer(uint32_t id, enum end end, int value, const struct bytes *output, const struct bytes *error)
{
	uint32_t head[5] = {(uint32_t)(HEADER - sizeof(uint32_t) + output->size + error->size), id, end, (uint32_t)value,
			    (uint32_t)output->size};
	struct bytes message = {0};
	append(&message, head, sizeof head);
	append(&message, output->data, output->size);
	append(&message, error->data, error->size);
	write_all(message.data, message.size);
	free(message.data);
}

static void close_end(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void release(struct job *job)
{
	close_end(&job->in);
	close_end(&job->out);
	close_end(&job->err);
	free(job->input.data);
	free(job->output.data);
	free(job->error.data);
	free(job);
}

/* A pipe whose one end the program gets as `as`; the other one, which never makes this process wait. */
static int child_end(posix_spawn_file_actions_t *actions, int as, int closing[3])
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) != 0)
		fail("pipe");
	int theirs = as == STDIN_FILENO ? 0 : 1, ours = ends[1 - theirs];
	if (fcntl(ours, F_SETFL, O_NONBLOCK) != 0 || posix_spawn_file_actions_adddup2(actions, ends[theirs], as) != 0)
		fail("pipe");
	closing[as] = ends[theirs];
	return ours;
}

static void start(struct job *job, char **words)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t defaults;
	int closing[3];
	sigfillset(&defaults);
	if (posix_spawn_file_actions_init(&actions) != 0 || posix_spawnattr_init(&attributes) != 0 ||
	    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF) != 0 ||
	    posix_spawnattr_setsigmask(&attributes, &no_signals) != 0 ||
	    posix_spawnattr_setsigdefault(&attributes, &defaults) != 0)
		fail("attributes");
	job->in = child_end(&actions, STDIN_FILENO, closing);
	job->out = child_end(&actions, STDOUT_FILENO, closing);
	job->err = child_end(&actions, STDERR_FILENO, closing);
	int error = posix_spawnp(&job->pid, words[0], &actions, &attributes, words, environ);
	for (int i = 0; i < 3; i++)
		close(closing[i]);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	if (error == 0) {
		job->next = jobs;
		jobs = job;
		return;
	}
	answer(job->id, NOT_STARTED, error, &job->output, &job->error);
	release(job);
}

/* One request without its length. */
static void request(char *data, size_t size)
{
	uint32_t head[4];
	if (size < sizeof head)
		fail("a request that is too short");
	memcpy(head, data, sizeof head);
	char *words[MAX_WORDS + 1], *at = data + sizeof head, *end = data + size;
	uint32_t count = head[2];
	if (count == 0 || count > MAX_WORDS)
		fail("a request without words");
	for (uint32_t i = 0; i < count; i++) {
		words[i] = at;
		at = memchr(at, '\0', (size_t)(end - at));
		if (at++ == NULL)
			fail("a word without its end");
	}
	words[count] = NULL;
	if ((size_t)(end - at) != head[3])
		fail("a request of another length");
	struct job *job = calloc(1, sizeof *job);
	if (job == NULL)
		fail("memory");
	*job = (struct job){.id = head[0], .deadline = now_ms() + head[1], .in = -1, .out = -1, .err = -1};
	append(&job->input, at, head[3]);
	start(job, words);
}

/* Takes what there is of requests; false at their end. */
static bool requests(void)
{
	static struct bytes buffer;
	ssize_t n = read(STDIN_FILENO, room(&buffer, STEP), STEP);
	if (n <= 0)
		return n < 0 && (errno == EAGAIN || errno == EINTR);
	buffer.size += (size_t)n;
	size_t at = 0;
	uint32_t length;
	while (buffer.size - at >= sizeof length) {
		memcpy(&length, buffer.data + at, sizeof length);
		if (length > MAX_REQUEST)
			fail("a request that is too long");
		if (buffer.size - at - sizeof length < length)
			break;
		request(buffer.data + at + sizeof length, length);
		at += sizeof length + length;
	}
	buffer.size -= at;
	memmove(buffer.data, buffer.data + at, buffer.size);
	return true;
}

static void feed(struct job *job)
{
	ssize_t n = write(job->in, job->input.data + job->written, job->input.size - job->written);
	if (n >= 0)
		job->written += (size_t)n;
	/* A program may end before it has read its input; its exit status tells. */
	if (job->written == job->input.size || (n < 0 && errno != EAGAIN && errno != EINTR))
		close_end(&job->in);
}

static void take(struct job *job, int *fd, struct bytes *into)
{
	ssize_t n = read(*fd, room(into, STEP), STEP);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		close_end(fd);
	if (n > 0)
		into->size += (size_t)n;
	if (job->output.size + job->error.size > MAX_OUTPUT)
		job->deadline = 0;
}

static void reap(int signals)
{
	struct signalfd_siginfo info;
	while (read(signals, &info, sizeof info) > 0)
		continue;
	for (struct job *job = jobs; job != NULL; job = job->next)
		if (!job->reaped && waitpid(job->pid, &job->status, WNOHANG) == job->pid)
			job->reaped = true;
}

/* Answers for those that have ended; what a killed one has left running is not waited for. */
static void settle(void)
{
	for (struct job **at = &jobs; *at != NULL;) {
		struct job *job = *at;
		if (!job->killed && now_ms() >= job->deadline) {
			job->killed = true;
			if (!job->reaped)
				kill(job->pid, SIGKILL);
		}
		if (!job->reaped || (!job->killed && (job->out >= 0 || job->err >= 0))) {
			at = &job->next;
			continue;
		}
		bool exited = WIFEXITED(job->status);
		int value = exited ? WEXITSTATUS(job->status) : WTERMSIG(job->status);
		answer(job->id, exited ? EXITED : SIGNALLED, value, &job->output, &job->error);
		*at = job->next;
		release(job);
	}
}

static int until_deadline(void)
{
	int64_t nearest = -1;
	for (struct job *job = jobs; job != NULL; job = job->next)
		if (!job->killed && (nearest < 0 || job->deadline < nearest))
			nearest = job->deadline;
	int64_t left = nearest - now_ms();
	return nearest < 0 ? -1 : left < 0 ? 0 : (int)left;
}

/* Waits until something can be done, and does it; false when no more requests come. */
static bool turn(int signals)
{
	static struct pollfd *fds;
	size_t count = 2, i = 2;
	for (struct job *job = jobs; job != NULL; job = job->next)
		count += 3;
	fds = realloc(fds, count * sizeof *fds);
	if (fds == NULL)
		fail("memory");
	fds[0] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
	fds[1] = (struct pollfd){.fd = signals, .events = POLLIN};
	for (struct job *job = jobs; job != NULL; job = job->next) {
		fds[i++] = (struct pollfd){.fd = job->in, .events = POLLOUT};
		fds[i++] = (struct pollfd){.fd = job->out, .events = POLLIN};
		fds[i++] = (struct pollfd){.fd = job->err, .events = POLLIN};
	}
	if (poll(fds, count, until_deadline()) < 0)
		return errno == EINTR;
	i = 2;
	for (struct job *job = jobs; job != NULL; job = job->next, i += 3) {
		if (fds[i].revents != 0)
			feed(job);
		if (fds[i + 1].revents != 0)
			take(job, &job->out, &job->output);
		if (fds[i + 2].revents != 0)
			take(job, &job->err, &job->error);
	}
	if (fds[1].revents != 0)
		reap(signals);
	settle();
	return fds[0].revents == 0 || requests();
}

int main(void)
{
	sigset_t child;
	sigemptyset(&no_signals);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	signal(SIGPIPE, SIG_IGN);
	if (sigprocmask(SIG_BLOCK, &child, NULL) != 0)
		fail("signals");
	int signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signals < 0)
		fail("signalfd");
	while (turn(signals))
		continue;
	for (struct job *job = jobs; job != NULL; job = job->next)
		if (!job->reaped)
			kill(job->pid, SIGKILL);
	return 0;
}
