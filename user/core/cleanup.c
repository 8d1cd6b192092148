/* SPDX-License-Identifier: Apache-2.0 */
#include "core/cleanup.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void free_ptr(void *p)
{
	void **at = p;

	free(*at);
	*at = NULL;
}

void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void close_file(void *p)
{
	FILE **at = p;

	if (*at)
		fclose(*at);
	*at = NULL;
}

void close_dir(void *p)
{
	DIR **at = p;

	if (*at)
		closedir(*at);
	*at = NULL;
}
