/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/source.h"

#include "core/cleanup.h"

const struct kube_set *source_set(const struct source *s)
{
	return s->backend->set(s);
}

void source_reload(struct source *s)
{
	s->backend->reload(s);
}

void source_stop(struct source **source)
{
	struct source *s = take_ptr(*source);

	if (s)
		s->backend->stop(s);
}
