/* What any CNI executable that asks a daemon has to do: read the configuration, connect, write, read, print. */
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	static char bytes[65536];
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	if (argc < 2 || strlen(argv[1]) >= sizeof address.sun_path)
		return 2;
	strcpy(address.sun_path, argv[1]);
	ssize_t n = read(0, bytes, sizeof bytes);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (fd < 0 || n <= 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
		return 1;
	if (write(fd, bytes, (size_t)n) != n)
		return 1;
	while ((n = read(fd, bytes, sizeof bytes)) > 0)
		if (write(1, bytes, (size_t)n) != n)
			return 1;
	return n < 0;
}
