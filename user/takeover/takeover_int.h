/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files of user/takeover only. */
#pragma once

#include "takeover/takeover.h"

struct takeover {
	bool dry_run;
	struct json *list;
	int errors;
};

/* An element of the list; takeover.h says what the members mean. action NULL: "delete". */
struct takeover_item {
	const char *kind, *family, *table, *what, *name, *action, *kept_for;
	const char *error; /* NULL: it was done, unless the run is dry */
};
int takeover_add(struct takeover *t, const struct takeover_item *item);

/* Each looks for one kind and removes it. What goes wrong with it is an element of the list; -ENOMEM
 * and -EPERM end the whole. */
int xtables_remove(struct takeover *t, struct err *err);
int ipvs_remove(struct takeover *t, struct err *err);
