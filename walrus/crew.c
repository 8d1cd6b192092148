/* SPDX-License-Identifier: Apache-2.0 */
#include "walrus/crew.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#define THREADS_MAX 64

struct crew {
	atomic_size_t next;
	size_t jobs;
	atomic_int failure;
	int (*work)(struct crew *crew, void *arg);
	void *arg;
};

bool crew_next(struct crew *crew, size_t *ret_job)
{
	if (atomic_load(&crew->failure) != 0)
		return false;
	*ret_job = atomic_fetch_add(&crew->next, 1);
	return *ret_job < crew->jobs;
}

static void *run(void *arg)
{
	struct crew *crew = arg;
	int none = 0, r = crew->work(crew, crew->arg);

	if (r < 0)
		atomic_compare_exchange_strong(&crew->failure, &none, r);
	return NULL;
}

int crew_run(size_t threads, size_t jobs, int (*work)(struct crew *crew, void *arg), void *arg)
{
	struct crew crew = { .jobs = jobs, .work = work, .arg = arg };
	pthread_t others[THREADS_MAX];
	size_t started = 0;
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	while (started < THREADS_MAX && started + 1 < threads && started + 1 < jobs &&
	       pthread_create(&others[started], NULL, run, &crew) == 0)
		started++;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	run(&crew);
	for (size_t i = 0; i < started; i++)
		pthread_join(others[i], NULL);
	return atomic_load(&crew.failure);
}
