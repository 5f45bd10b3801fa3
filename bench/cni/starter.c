/*
 * Starts a program N times, one after the other, each with what this one has on standard input, and prints a line for each:
 * milliseconds from fork to its end, and milliseconds of processor time that it had. Its output is thrown away.
 *
 *   starter N PROGRAM [ARGUMENT...]
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static double milliseconds(struct timeval t)
{
	return (double)t.tv_sec * 1e3 + (double)t.tv_usec / 1e3;
}

int main(int argc, char **argv)
{
	static char input[65536];
	ssize_t length = read(0, input, sizeof input);
	int out = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (argc < 3 || length <= 0 || out < 0)
		return 2;
	for (int left = atoi(argv[1]); left > 0; left--) {
		int in[2], status;
		struct rusage used;
		if (pipe2(in, O_CLOEXEC) != 0 || write(in[1], input, (size_t)length) != length)
			return 1;
		close(in[1]);
		double started = now();
		pid_t child = vfork();
		if (child == 0) {
			dup2(in[0], 0);
			dup2(out, 1);
			execv(argv[2], argv + 2);
			_exit(127);
		}
		if (child < 0 || wait4(child, &status, 0, &used) != child)
			return 1;
		double wall = now() - started;
		close(in[0]);
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
			fprintf(stderr, "%s: status %d\n", argv[2], status);
			return 1;
		}
		printf("%.4f %.4f\n", wall, milliseconds(used.ru_utime) + milliseconds(used.ru_stime));
	}
	return 0;
}
