/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/cosign.h"
#include "core/file.h"
#include "core/parse.h"
#include "unit/cli/books.h"

struct sold {
	struct run run; /* first: the teardown is its own */
	char key[2 * PUBKEY_LEN + 1], file[96];
};

static int setup(void **state)
{
	struct sold *s;
	struct key *key;

	if (run_setup(state) < 0)
		return -1;
	s = realloc(*state, sizeof(*s));
	if (!s)
		return -1;
	*state = s;
	key = books_make(&s->run);
	format_hex(key_public(key), PUBKEY_LEN, s->key);
	key_free(&key);
	snprintf(s->file, sizeof(s->file), "%s/gold.json", s->run.dir);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, run_teardown)

static void shows_receipts_settlements_and_leases(void **state)
{
	struct sold *s = *state;
	cleanup(json_free) struct json *receipts = NULL, *money = NULL, *leases = NULL;

	run_ok(&s->run, "-j", "receipt", "show", "--lease", "gold");
	receipts = run_json(&s->run);
	assert_int_equal(json_len(receipts), 2);
	assert_string_equal(json_str(json_at(receipts, 1), "total_due", ""), "2000");
	assert_string_equal(json_str(json_at(receipts, 1), "to", ""), "2026-11-20T20:02:00Z");
	run_ok(&s->run, "-j", "settlement", "show");
	money = run_json(&s->run);
	assert_string_equal(json_str(json_at(money, 0), "state", ""), "final");
	assert_string_equal(json_str(json_at(money, 1), "state", ""), "due");
	run_ok(&s->run, "-j", "lease", "show", "gold");
	leases = run_json(&s->run);
	assert_string_equal(json_str(json_at(leases, 0), "deposited", ""), "1000000");
	assert_string_equal(json_str(json_at(leases, 0), "escrow", ""), "999000");
	assert_string_equal(json_str(json_at(leases, 0), "total_due", ""), "2000");
	assert_string_equal(json_str(json_at(leases, 0), "reported", ""), "1000");
	assert_string_equal(json_str(json_at(leases, 0), "waiting", ""), "0");
	assert_string_equal(json_str(json_at(leases, 0), "struck", ""), "0");
	assert_int_equal(json_len(json_get(json_at(leases, 0), "claims")), 0);
	assert_string_equal(json_str(json_at(leases, 0), "disputed_until", "none"), "none");
	assert_int_equal(run(&s->run, "lease", "show", "silver"), 1);
	assert_string_equal(s->run.err, "weir: no lease 'silver'; 'weir lease show' lists all\n");
	run_ok(&s->run, "-j", "receipt", "show", "--lease", "silver");
	assert_string_equal(s->run.out, "[]\n");
	run_ok(&s->run, "receipt", "show");
	assert_memory_equal(s->run.out, "LEASE  SEQ  FROM", 16);
	/* money in SUI, to the MIST */
	assert_non_null(strstr(s->run.out, " 0.000002SUI "));
	run_ok(&s->run, "lease", "show");
	assert_non_null(strstr(s->run.out, " 0.001SUI  0.000002SUI  0.000001SUI "));
	run_ok(&s->run, "settlement", "show");
	assert_non_null(strstr(s->run.out, " 0.000001SUI "));
}

static void exported_file_verifies_anywhere(void **state)
{
	struct sold *s = *state;
	cleanup(json_free) struct json *j = NULL;

	run_ok(&s->run, "receipt", "export", "--lease", "gold", "-o", s->file);
	run_ok(&s->run, "-j", "receipt", "verify", s->file, "--key", s->key);
	j = run_json(&s->run);
	assert_true(json_bool(j, "valid", false) && json_bool(j, "whole_history", false));
	assert_string_equal(json_str(j, "total_due", ""), "2000");
	assert_string_equal(json_str(j, "public_key", ""), s->key);
	assert_string_equal(json_str(j, "from", ""), "2026-11-20T20:00:00Z");
	assert_string_equal(json_str(j, "to", ""), "2026-11-20T20:02:00Z");
	assert_string_equal(json_str(json_get(j, "totals"), "cpu_ns", ""), "2000000000");
	run_ok(&s->run, "receipt", "verify", s->file);
	assert_non_null(strstr(s->run.out, "last_seq       2\n"));
	assert_non_null(strstr(s->run.out, "total_due      0.000002SUI\n"));
}

static void export_goes_to_standard_output_unless_told(void **state)
{
	struct sold *s = *state;
	cleanup(buf_fini) struct buf file = BUF_INIT(1 << 20);

	run_ok(&s->run, "receipt", "export", "--lease", "gold", "--output", s->file);
	run_ok(&s->run, "receipt", "export", "--lease", "gold");
	assert_int_equal(file_read(s->file, &file, NULL), 0);
	assert_string_equal(s->run.out, file.data);
}

static void export_may_end_earlier(void **state)
{
	struct sold *s = *state;
	cleanup(json_free) struct json *said = NULL;
	uint64_t n;

	run_ok(&s->run, "receipt", "export", "--lease", "gold", "--to-seq", "1", "-o", s->file);
	run_ok(&s->run, "-j", "receipt", "verify", s->file, "--key", s->key);
	said = run_json(&s->run);
	assert_int_equal(json_u64(said, "last_seq", &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(run(&s->run, "receipt", "export", "--lease", "gold", "--from-seq", "2",
			     "--to-seq", "1"),
			 2);
	assert_non_null(strstr(s->run.err, "--to-seq: is before --from-seq"));
}

/* What the books have no statement about: the agent's tests make some, and prove them. */
static void proofs_are_exported_where_something_was_stated(void **state)
{
	struct sold *s = *state;

	assert_int_equal(run(&s->run, "receipt", "export", "--lease", "gold", "--proofs"), 1);
	assert_non_null(strstr(s->run.err, "nothing can be proven of these receipts"));
	assert_string_equal(s->run.out, "");
}

static void a_file_with_proofs_says_what_they_prove(void **state)
{
	struct sold *s = *state;
	cleanup(json_free) struct json *said = NULL;
	uint64_t n;

	run_ok(&s->run, "-j", "receipt", "verify", "tests/vectors/proofs-v1.json");
	said = run_json(&s->run);
	assert_int_equal(json_u64(json_get(said, "proofs"), "receipts_proven", &n), 0);
	assert_int_equal(n, 3);
	assert_int_equal(json_u64(json_get(said, "proofs"), "statements", &n), 0);
	assert_int_equal(n, 2);
	run_ok(&s->run, "receipt", "verify", "tests/vectors/proofs-v1.json");
	assert_non_null(strstr(s->run.out, "receipts_proven"));
}

static void export_may_begin_later(void **state)
{
	struct sold *s = *state;
	cleanup(json_free) struct json *j = NULL;

	run_ok(&s->run, "receipt", "export", "--lease", "gold", "--from-seq", "2", "-o", s->file);
	run_ok(&s->run, "-j", "receipt", "verify", s->file);
	j = run_json(&s->run);
	assert_false(json_bool(j, "whole_history", true));
	assert_int_equal(run(&s->run, "receipt", "export", "--lease", "gold", "--from-seq", "3"),
			 1);
	assert_string_equal(s->run.err,
			    "weir: lease 'gold' has no receipt from 3 on; its last is 2\n");
	assert_int_equal(run(&s->run, "receipt", "export", "--lease", "silver"), 1);
}

static void flipped_bit_and_other_key_are_found(void **state)
{
	struct sold *s = *state;
	cleanup(buf_fini) struct buf file = BUF_INIT(1 << 20);

	run_ok(&s->run, "receipt", "export", "--lease", "gold", "-o", s->file);
	s->key[0] = s->key[0] == '0' ? '1' : '0';
	assert_int_equal(run(&s->run, "receipt", "verify", s->file, "--key", s->key), 1);
	assert_memory_equal(s->run.err, "weir: ", 6);
	assert_non_null(strstr(s->run.err, s->file));

	assert_int_equal(file_read(s->file, &file, NULL), 0);
	for (size_t i = 0; i < file.len; i += 97) {
		file.data[i] ^= 1;
		assert_int_equal(file_write_atomic(s->file, file.data, file.len, 0644, NULL), 0);
		assert_int_equal(run(&s->run, "-j", "receipt", "verify", s->file), 1);
		assert_memory_equal(s->run.out, "{\"error\":", 9);
		file.data[i] ^= 1;
	}
}

static void standard_input_is_read_for_a_dash(void **state)
{
	struct sold *s = *state;
	int old = dup(STDIN_FILENO), fd;

	run_ok(&s->run, "receipt", "export", "--lease", "gold", "-o", s->file);
	fd = open(s->file, O_RDONLY | O_CLOEXEC);
	dup2(fd, STDIN_FILENO);
	run_ok(&s->run, "receipt", "verify", "-");
	lseek(STDIN_FILENO, 0, SEEK_SET);
	run_ok(&s->run, "receipt", "verify");
	dup2(old, STDIN_FILENO);
	close(old);
	close(fd);
}

/* Without a chain: what the file itself and the tenant's numbers say. */
static void a_tenant_signs_what_is_within_its_cap(void **state)
{
	struct sold *s = *state;
	cleanup(buf_fini) struct buf text = BUF_INIT(1 << 20);
	char key[96], out[96];
	struct cosign c;

	snprintf(key, sizeof(key), "%s/tenant.key", s->run.dir);
	snprintf(out, sizeof(out), "%s/cosigned.json", s->run.dir);
	run_ok(&s->run, "key", "new", key);
	run_ok(&s->run, "receipt", "export", "--lease", "gold", "-o", s->file);
	run_ok(&s->run, "-j", "receipt", "cosign", s->file, "--offline", "--key", key, "--cap",
	       "2000MIST", "-o", out);
	assert_non_null(strstr(s->run.out, "\"seq\":2,\"total_due\":\"2000\""));
	assert_int_equal(file_read(out, &text, NULL), 0);
	assert_int_equal(cosign_parse(text.data, text.len, &c, NULL), 0);
	assert_int_equal(c.fields.seq, 2);
	/* to standard output the same bytes */
	run_ok(&s->run, "receipt", "cosign", s->file, "--offline", "--key", key, "--cap", "1SUI");
	assert_string_equal(s->run.out, text.data);

	assert_int_equal(run(&s->run, "receipt", "cosign", s->file, "--offline", "--key", key,
			     "--cap", "1999"),
			 1);
	assert_non_null(strstr(s->run.err, "0.000002SUI is due, over --cap 0.000001999SUI"));
	/* never blindly, and never without a key */
	assert_int_equal(run(&s->run, "receipt", "cosign", s->file, "--offline", "--key", key), 2);
	assert_int_equal(run(&s->run, "receipt", "cosign", s->file, "--offline", "--cap", "1"), 2);
	/* a chain that is not configured is not one that agrees */
	assert_int_equal(run(&s->run, "receipt", "cosign", s->file, "--key", key, "--cap", "1SUI"),
			 1);
	assert_non_null(strstr(s->run.err, "chain.kind is local"));
	/* what is accepted goes to an agent, when it is one */
	assert_int_equal(run(&s->run, "receipt", "accept", out), 1);
	assert_non_null(strstr(s->run.err, s->run.sock));
	assert_int_equal(run(&s->run, "receipt", "accept", key), 1);
	assert_null(strstr(s->run.err, s->run.sock));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(shows_receipts_settlements_and_leases),
		TEST(exported_file_verifies_anywhere),
		TEST(export_goes_to_standard_output_unless_told),
		TEST(export_may_end_earlier),
		TEST(proofs_are_exported_where_something_was_stated),
		TEST(a_file_with_proofs_says_what_they_prove),
		TEST(export_may_begin_later),
		TEST(flipped_bit_and_other_key_are_found),
		TEST(standard_input_is_read_for_a_dash),
		TEST(a_tenant_signs_what_is_within_its_cap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
