// SPDX-License-Identifier: GPL-2.0-only
/* Two TUN devices, one in the namespace we were started in, one in a namespace of our own.
 *
 * The front namespace answers ARP and neighbour solicitations for the CA's addresses (proxy)
 * and routes them into its TUN; the inner one owns the addresses. Both vanish with us.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ios_ca.h"

#define FRONT_TUN "iosca0"
#define INNER_TUN "iosca1"
#define WORDS_MAX 16

/* `ip WORD...` up to a NULL. 0 or -EIO; ip has then said why. */
static int ip_command(const char *first, ...)
{
	const char *words[WORDS_MAX] = {"ip", first};
	int n = 2, status;
	va_list args;
	pid_t child;

	va_start(args, first);
	while (n < WORDS_MAX - 1 && (words[n] = va_arg(args, const char *)))
		n++;
	va_end(args);
	child = fork();
	if (child < 0)
		return -errno;
	if (!child) {
		execvp("ip", (char *const *)words);
		_exit(127);
	}
	if (waitpid(child, &status, 0) < 0)
		return -errno;
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -EIO;
}

static int set_sysctl(const char *path, const char *value)
{
	FILE *file = fopen(path, "w");
	int err = 0;

	if (!file) {
		err = -errno;
	} else {
		if (fputs(value, file) < 0)
			err = -EIO;
		if (fclose(file))
			err = -errno;
	}
	if (err)
		fprintf(stderr, "ios_ca: '%s': %s\n", path, strerror(-err));
	return err;
}

/* Descriptor of a new TUN device in the current namespace, or -errno. */
static int open_tun(const char *name)
{
	struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	int err;

	if (fd < 0)
		return -errno;
	strncpy(request.ifr_name, name, IFNAMSIZ - 1);
	if (ioctl(fd, TUNSETIFF, &request) < 0) {
		err = -errno;
		close(fd);
		return err;
	}
	/* A long queue: what the gate has not yet read must not be lost to a flood. */
	err = ip_command("link", "set", name, "txqueuelen", "20000", "addrgenmode", "none", "up",
			 NULL);
	if (err) {
		close(fd);
		return err;
	}
	return fd;
}

static int front_sysctls(const char *dev)
{
	/* proxy_delay: a proxy waits up to 0.8 s before it answers; nobody needs that here. */
	static const char *const names[][2] = {
		{"/proc/sys/net/ipv4/conf/%s/proxy_arp", "1"},
		{"/proc/sys/net/ipv4/neigh/%s/proxy_delay", "0"},
		{"/proc/sys/net/ipv6/conf/%s/proxy_ndp", "1"},
		{"/proc/sys/net/ipv6/neigh/%s/proxy_delay", "0"},
		{"/proc/sys/net/ipv4/ip_forward", "1"},
		{"/proc/sys/net/ipv6/conf/all/forwarding", "1"},
	};
	char path[128];
	int err = 0;

	for (size_t i = 0; !err && i < sizeof(names) / sizeof(names[0]); i++) {
		int n = snprintf(path, sizeof(path), names[i][0], dev);

		if (n < 0 || (size_t)n >= sizeof(path))
			return -ENAMETOOLONG;
		err = set_sysctl(path, names[i][1]);
	}
	return err;
}

static int front_addresses(const struct ca_options *options)
{
	int err = 0;

	for (int i = 0; !err && i < options->n_addresses; i++) {
		const char *address = options->addresses[i];
		const char *family = strchr(address, ':') ? "-6" : "-4";

		err = ip_command(family, "route", "replace", address, "dev", FRONT_TUN, NULL);
		if (!err && strchr(address, ':'))
			err = ip_command("-6", "neigh", "replace", "proxy", address, "dev",
					 options->front_dev, NULL);
	}
	return err;
}

static int inner_sysctls(void)
{
	static const char *const values[][2] = {
		{"/proc/sys/net/ipv4/tcp_syncookies", "0"},
		{"/proc/sys/net/ipv4/tcp_max_syn_backlog", "65536"},
		{"/proc/sys/net/core/somaxconn", "65535"},
		{"/proc/sys/net/ipv6/conf/all/accept_dad", "0"},
		{"/proc/sys/net/ipv6/conf/default/accept_dad", "0"},
	};
	int err = 0;

	for (size_t i = 0; !err && i < sizeof(values) / sizeof(values[0]); i++)
		err = set_sysctl(values[i][0], values[i][1]);
	return err;
}

static int inner_addresses(const struct ca_options *options)
{
	int err = ip_command("link", "set", "lo", "up", NULL);

	for (int i = 0; !err && i < options->n_addresses; i++) {
		bool v6 = strchr(options->addresses[i], ':');

		err = ip_command(v6 ? "-6" : "-4", "addr", "add", options->addresses[i], "dev",
				 INNER_TUN, v6 ? "nodad" : NULL, NULL);
	}
	if (!err)
		err = ip_command("route", "add", "default", "dev", INNER_TUN, NULL);
	if (!err)
		err = ip_command("-6", "route", "add", "default", "dev", INNER_TUN, NULL);
	return err;
}

int ca_net_open(const struct ca_options *options, int *ret_front_fd, int *ret_inner_fd)
{
	int front, inner, err;

	front = open_tun(FRONT_TUN);
	if (front < 0)
		return front;
	err = front_sysctls(options->front_dev);
	if (!err)
		err = front_addresses(options);
	if (!err && unshare(CLONE_NEWNET))
		err = -errno;
	if (!err)
		err = inner_sysctls();
	if (err)
		goto fail;
	inner = open_tun(INNER_TUN);
	if (inner < 0) {
		err = inner;
		goto fail;
	}
	err = inner_addresses(options);
	if (err) {
		close(inner);
		goto fail;
	}
	*ret_front_fd = front;
	*ret_inner_fd = inner;
	return 0;
fail:
	close(front);
	return err;
}
