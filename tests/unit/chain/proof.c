/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/proof.h"

#include <errno.h>

#include "unit/chain/sample.h"

struct file {
	struct buf text;
	size_t receipts; /* bytes of its first part */
	struct receipts *rs;
};

static int setup(void **state)
{
	struct file *f = calloc(1, sizeof(*f));
	struct err err = {};

	*state = f;
	if (!f || crypto_init() < 0)
		return -1;
	f->text.limit = 1 << 20;
	sample_read("tests/vectors/proofs-v1.json", &f->text);
	f->receipts = proofs_behind(f->text.data, f->text.len);
	if (receipts_parse(f->text.data, f->receipts, &f->rs, &err) < 0)
		fail_msg("%s", err.text);
	return 0;
}

static int teardown(void **state)
{
	struct file *f = *state;

	receipts_free(&f->rs);
	buf_fini(&f->text);
	free(f);
	return 0;
}

static int verify(const struct file *f, struct proofs_summary *ret, struct err *err)
{
	cleanup(proofs_fini) struct proofs p = {};
	int r = proofs_parse(f->text.data + f->receipts, f->text.len - f->receipts, &p, err);

	return r < 0 ? r : proofs_verify(&p, f->rs, ret, err);
}

static void proofs_written_by_hand_are_verified(void **state)
{
	struct proofs_summary s = {};
	struct file *f = *state;
	struct err err = {};

	if (verify(f, &s, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(s.statements, 2);
	assert_int_equal(s.proven, 3);
	assert_int_equal(s.unproven, 0);
}

static void the_receipts_before_them_are_the_file_of_version_1(void **state)
{
	cleanup(buf_fini) struct buf v1 = BUF_INIT(1 << 20);
	struct file *f = *state;

	sample_read("tests/vectors/receipts-v1.json", &v1);
	assert_int_equal(f->receipts, v1.len);
	assert_memory_equal(f->text.data, v1.data, v1.len);
	assert_int_equal(proofs_behind(v1.data, v1.len), v1.len);
	assert_int_equal(proofs_behind("x", 1), 1);
}

static void what_is_parsed_is_rendered_to_the_same_bytes(void **state)
{
	cleanup(buf_fini) struct buf again = BUF_INIT(1 << 20);
	cleanup(proofs_fini) struct proofs p = {};
	struct file *f = *state;
	struct err err = {};

	if (proofs_parse(f->text.data + f->receipts, f->text.len - f->receipts, &p, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(proofs_render(&p, &again, &err), 0);
	assert_int_equal(again.len, f->text.len - f->receipts);
	assert_memory_equal(again.data, f->text.data + f->receipts, again.len);
}

/* One bit of each byte, another one from byte to byte. */
static void a_file_with_any_byte_changed_is_refused_and_says_where(void **state)
{
	struct file *f = *state;

	for (size_t at = f->receipts; at < f->text.len; at++) {
		struct proofs_summary s = { .proven = 77 };
		char bit = (char)(1U << at % 7);
		struct err err = {};

		f->text.data[at] ^= bit;
		assert_int_equal(verify(f, &s, &err), -EBADMSG);
		assert_non_null(strstr(err.text, "proofs"));
		assert_int_equal(s.proven, 77);
		f->text.data[at] ^= bit;
	}
	for (size_t len = f->text.len; len > f->receipts; len -= 97 < len ? 97 : len) {
		struct file cut = *f;

		cut.text.len = len - 1;
		assert_int_equal(verify(&cut, &(struct proofs_summary){}, NULL), -EBADMSG);
	}
}

/* Refuses the proofs as they are after `change`, for a reason that has these words. */
static void refused(struct file *f, void (*change)(struct proofs *p), const char *words)
{
	cleanup(proofs_fini) struct proofs p = {};
	struct proofs_summary s;
	struct err err = {};

	assert_int_equal(
		proofs_parse(f->text.data + f->receipts, f->text.len - f->receipts, &p, &err), 0);
	change(&p);
	assert_int_equal(proofs_verify(&p, f->rs, &s, &err), -EBADMSG);
	if (!strstr(err.text, words))
		fail_msg("'%s' does not say '%s'", err.text, words);
}

static void drop_leaf(struct proofs *p)
{
	free(p->at[0].list[1].path);
	p->at[0].count--;
}

static void swap_leaves(struct proofs *p)
{
	struct proof first = p->at[0].list[0];

	p->at[0].list[0] = p->at[0].list[1];
	p->at[0].list[1] = first;
}

static void give_anothers_leaf(struct proofs *p)
{
	p->at[0].list[0].leaf.lease[0] ^= 1;
}

static void lower_usage(struct proofs *p)
{
	p->at[0].list[0].leaf.pod.use.cpu_ns--;
}

static void shorten_path(struct proofs *p)
{
	p->at[1].list[0].steps--;
}

static void swap_statements(struct proofs *p)
{
	struct proof_totals first = p->at[0];

	p->at[0] = p->at[1];
	p->at[1] = first;
}

static void change_signature(struct proofs *p)
{
	p->at[1].sig[0] ^= 1;
}

static void change_nothing(struct proofs *p)
{
	(void)p;
}

static void lies_are_refused_by_name(void **state)
{
	struct file *f = *state;

	refused(f, drop_leaf, "pod shop/web-1 of receipt seq 1 has no leaf");
	refused(f, swap_leaves,
		"statement 1: leaf 1: pod shop/web-1: not the one that receipt seq 1");
	refused(f, give_anothers_leaf, "statement 1: leaf 1: lease: it is another one's");
	refused(f, lower_usage, "statement 1: leaf 1: path: does not lead");
	refused(f, shorten_path, "statement 2: leaf 1: path: does not lead");
	refused(f, swap_statements, "statement 2: from: before the end");
	refused(f, change_signature, "statement 2: signature");
	/* what is proven is right, and the receipt says something else */
	f->rs->list[2].record.pods[1].use.tx.raw.packets++;
	refused(f, change_nothing, "tx_packets_raw: not what receipt seq 3 says");
}

/* Of a window that is not kept any more. */
static void what_has_no_leaves_is_not_proven(void **state)
{
	cleanup(proofs_fini) struct proofs p = {};
	struct proofs_summary s = {};
	struct file *f = *state;
	struct proof_totals first;
	struct err err = {};

	assert_int_equal(
		proofs_parse(f->text.data + f->receipts, f->text.len - f->receipts, &p, &err), 0);
	first = p.at[0];
	p.at[0] = p.at[1];
	p.count = 1;
	if (proofs_verify(&p, f->rs, &s, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(s.proven, 2);
	assert_int_equal(s.unproven, 1);
	p.at[1] = first;
	p.count = 2;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(proofs_written_by_hand_are_verified, setup,
						teardown),
		cmocka_unit_test_setup_teardown(the_receipts_before_them_are_the_file_of_version_1,
						setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_parsed_is_rendered_to_the_same_bytes, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			a_file_with_any_byte_changed_is_refused_and_says_where, setup, teardown),
		cmocka_unit_test_setup_teardown(lies_are_refused_by_name, setup, teardown),
		cmocka_unit_test_setup_teardown(what_has_no_leaves_is_not_proven, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
