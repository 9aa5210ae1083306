// SPDX-License-Identifier: GPL-2.0-only
/* Running a program many times over one frame, and what time that took: the thread's own CPU time, so that
 * other processes do not count.
 */
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <time.h>
#include <unistd.h>

#include "program.h"

int sg_guard_measure_hz(__u32 *hz); /* userspace/guard */

int bench_error(int err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fputs("bench: ", stderr);
	vfprintf(stderr, fmt, args);
	va_end(args);
	if (err)
		fprintf(stderr, ": %s", strerror(-err));
	fputc('\n', stderr);
	return err;
}

int machine_pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set) ? -errno : 0;
}

int machine_prepare(struct machine *m)
{
	if (geteuid())
		return bench_error(-EPERM, "needs root to load BPF programs");
	if (sg_guard_measure_hz(&m->hz))
		return -ENOTSUP;
	if (unshare(CLONE_NEWNET) || system("ip link add sg0 type veth peer name sg1"))
		return bench_error(-ENOTSUP, "no network namespace or no veth here");
	m->client_if = if_nametoindex("sg0");
	m->ca_if = if_nametoindex("sg1");
	m->cpus = (int)sysconf(_SC_NPROCESSORS_ONLN);
	return machine_pin(0);
}

static double cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * 1e9 + ts.tv_nsec;
}

int run_program(const struct run *run, double *ns, __u32 *action)
{
	struct xdp_md ctx = {.data_end = run->len, .ingress_ifindex = run->ifindex};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = run->frame, .data_size_in = run->len,
		    .ctx_in = &ctx, .ctx_size_in = sizeof(ctx), .repeat = run->repeat);
	double before = cpu_ns();

	if (bpf_prog_test_run_opts(run->fd, &opts))
		return bench_error(-errno, "the kernel does not run the program");
	if (ns)
		*ns = (cpu_ns() - before) / run->repeat;
	if (action)
		*action = opts.retval;
	return 0;
}

struct pair {
	const struct run *run;
	pthread_barrier_t start;
	double ns[CPUS_MAX];
	__u32 action[CPUS_MAX];
	int err[CPUS_MAX];
};

struct pair_thread {
	struct pair *pair;
	int cpu;
};

static void *run_one_of_pair(void *arg)
{
	const struct pair_thread *thread = arg;
	struct pair *pair = thread->pair;
	int cpu = thread->cpu;

	pair->err[cpu] = machine_pin(cpu);
	pthread_barrier_wait(&pair->start);
	if (!pair->err[cpu])
		pair->err[cpu] = run_program(pair->run, &pair->ns[cpu], &pair->action[cpu]);
	return NULL;
}

int run_twice(const struct run *run, double *ns, __u32 *action)
{
	struct pair pair = {.run = run};
	struct pair_thread threads[CPUS_MAX];
	pthread_t ids[CPUS_MAX];
	int started = 0;

	pthread_barrier_init(&pair.start, NULL, CPUS_MAX);
	for (; started < CPUS_MAX; started++) {
		threads[started] = (struct pair_thread){&pair, started};
		if (pthread_create(&ids[started], NULL, run_one_of_pair, &threads[started]))
			abort(); /* the other one waits at the barrier for ever */
	}
	for (int i = 0; i < started; i++)
		pthread_join(ids[i], NULL);
	pthread_barrier_destroy(&pair.start);
	if (pair.err[0] || pair.err[1])
		return pair.err[0] ? pair.err[0] : pair.err[1];
	*ns = (pair.ns[0] + pair.ns[1]) / 2;
	*action = pair.action[0] == pair.action[1] ? pair.action[0] : XDP_ABORTED;
	return 0;
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double quantile(const double *sorted, int count, double q)
{
	double at = q * (count - 1);
	int below = (int)at;

	if (below + 1 >= count)
		return sorted[count - 1];
	return sorted[below] + (at - below) * (sorted[below + 1] - sorted[below]);
}

struct quartiles quartiles_of(const double *samples, int count)
{
	double sorted[ROUNDS_MAX];

	memcpy(sorted, samples, count * sizeof(*samples));
	qsort(sorted, count, sizeof(*sorted), compare_doubles);
	return (struct quartiles){quantile(sorted, count, 0.25), quantile(sorted, count, 0.5),
				  quantile(sorted, count, 0.75)};
}
