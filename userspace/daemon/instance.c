// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "instance.h"
#include "../util/cleanup.h"
#include "../util/log.h"

/* mkdir -p: parents as the umask has them, the last one with @mode. */
static int make_directory(const char *path, mode_t mode)
{
	char part[SG_CONFIG_PATH_MAX];
	int err = 0;

	if ((size_t)snprintf(part, sizeof(part), "%s", path) >= sizeof(part))
		return -ENAMETOOLONG;
	for (char *slash = strchr(part + 1, '/'); slash && !err; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(part, 0755) && errno != EEXIST)
			err = -errno;
		*slash = '/';
	}
	if (!err && mkdir(part, mode) && errno != EEXIST)
		err = -errno;
	return err ? sg_log_err(err, "cannot make the directory '%s'", path) : 0;
}

static int say_in_use(int fd, const char *path)
{
	char pid[16] = "";
	ssize_t n = pread(fd, pid, sizeof(pid) - 1, 0);

	pid[n > 0 ? n : 0] = '\0';
	pid[strcspn(pid, "\n")] = '\0';
	sg_log(SG_LOG_ERROR,
	       "another scepguard (pid %s) runs with '%s': stop it, or give this one its own "
	       "paths.runtime and paths.bpffs",
	       *pid ? pid : "unknown", path);
	return -EADDRINUSE;
}

static int write_pid(int fd)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%d\n", getpid());

	if (ftruncate(fd, 0) || pwrite(fd, text, len, 0) != len)
		return -errno;
	return 0;
}

/* The file is removed at the end by the one who holds its lock; whoever had it open by then has
 * locked a file without a name, and must look again.
 */
static bool is_still_there(int fd, const char *path)
{
	struct stat held, named;

	return !fstat(fd, &held) && !stat(path, &named) && held.st_ino == named.st_ino &&
	       held.st_dev == named.st_dev;
}

static int lock_pid_file(struct sg_instance *in)
{
	int err;

	for (int i = 0; i < 3; i++) {
		_cleanup_close_ int fd = open(in->pid_path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);

		if (fd < 0)
			return sg_log_err(-errno, "cannot open '%s'", in->pid_path);
		if (flock(fd, LOCK_EX | LOCK_NB))
			return errno == EWOULDBLOCK
				       ? say_in_use(fd, in->pid_path)
				       : sg_log_err(-errno, "cannot lock '%s'", in->pid_path);
		if (!is_still_there(fd, in->pid_path))
			continue;
		err = write_pid(fd);
		if (err)
			return sg_log_err(err, "cannot write '%s'", in->pid_path);
		in->pid_fd = SG_TAKE_FD(fd);
		return 0;
	}
	return sg_log_err(-EAGAIN, "cannot lock '%s'", in->pid_path);
}

int sg_instance_claim_bpffs(struct sg_instance *in, const struct sg_conf_paths *paths)
{
	_cleanup_close_ int fd = -1;

	if (in->bpffs_fd >= 0)
		return 0;
	fd = open(paths->bpffs, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return 0; /* nobody has made it yet; or the guard will say what is wrong with it */
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		if (errno != EWOULDBLOCK)
			return sg_log_err(-errno, "cannot lock '%s'", paths->bpffs);
		sg_log(SG_LOG_ERROR,
		       "another scepguard holds the pins below '%s': stop it, or give this one its "
		       "own paths.bpffs",
		       paths->bpffs);
		return -EADDRINUSE;
	}
	in->bpffs_fd = SG_TAKE_FD(fd);
	return 0;
}

int sg_instance_claim(struct sg_instance *in, const struct sg_conf_paths *paths)
{
	int err;

	*in = (struct sg_instance){.pid_fd = -1, .bpffs_fd = -1};
	snprintf(in->pid_path, sizeof(in->pid_path), "%s/scepguard.pid", paths->runtime);
	err = make_directory(paths->runtime, 0755);
	if (!err)
		err = make_directory(paths->state, 0755);
	if (!err)
		err = lock_pid_file(in);
	if (!err)
		err = sg_instance_claim_bpffs(in, paths);
	if (err)
		sg_instance_release(in);
	return err;
}

void sg_instance_release(struct sg_instance *in)
{
	if (in->pid_fd >= 0) {
		unlink(in->pid_path);
		close(in->pid_fd);
	}
	if (in->bpffs_fd >= 0)
		close(in->bpffs_fd);
	in->pid_fd = -1;
	in->bpffs_fd = -1;
}
