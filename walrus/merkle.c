/* SPDX-License-Identifier: Apache-2.0 */
#include "walrus/merkle.h"

#include <string.h>

void merkle_begin(struct merkle *m, const struct lanes *lanes, uint8_t kind, size_t len)
{
	m->lanes = lanes;
	m->kind = kind;
	m->len = len;
	m->n = 0;
}

void merkle_flush(struct merkle *m)
{
	if (m->n == 0)
		return;
	for (; m->n < LANES_HASHES; m->n++) {
		m->data[m->n] = m->data[0];
		m->ret[m->n] = m->spare.hash;
	}
	m->lanes->hash(m->kind, m->data, m->len, m->ret);
	m->n = 0;
}

void merkle_add(struct merkle *m, const uint8_t *data, struct merkle_node *ret)
{
	m->data[m->n] = data;
	m->ret[m->n++] = ret->hash;
	if (m->n == LANES_HASHES)
		merkle_flush(m);
}

/* A node is written when its two children, which are not before it, have been read; and nothing that
 * is still to be read lies before them. */
static void climb_once(struct merkle *m, struct merkle_node *nodes, size_t n)
{
	if (n % 2 == 1)
		nodes[n] = (struct merkle_node){};
	for (size_t i = 0; i < n; i += 2)
		merkle_add(m, nodes[i].hash, &nodes[i / 2]);
}

void merkle_climb(const struct lanes *lanes, struct merkle_node *nodes, size_t trees, size_t step,
		  size_t n, size_t levels)
{
	struct merkle m;

	merkle_begin(&m, lanes, MERKLE_INNER, 2 * HASH_LEN);
	for (; levels > 0 && (n > 1 || levels != MERKLE_TO_ROOT); n = (n + 1) / 2) {
		for (size_t i = 0; i < trees; i++)
			climb_once(&m, nodes + i * step, n);
		merkle_flush(&m);
		if (levels != MERKLE_TO_ROOT)
			levels--;
	}
}
