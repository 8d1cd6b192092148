/* SPDX-License-Identifier: Apache-2.0 */
#include "walrus/publish.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/config.h"
#include "cli/members.h"
#include "cli/number.h"
#include "cli/walrus.h"
#include "cli/walrus_seal.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/file.h"
#include "core/json.h"
#include "walrus/blobname.h"
#include "walrus/sri.h"
#include "workload/pack.h"

#define CHUNK 65536
#define COMMAND_MAX 512

const struct cli_flag walrus_publish_flags[] = {
	{ "git", 'g', "REPO", "instead of DIR: a clean export of a commit of this repository" },
	{ "ref", 'r', "REF", "branch, tag or commit of --git; HEAD unless given" },
	{ "epochs", 'e', "N", "store it for so many epochs, up to 53; 1 unless given" },
	{ "permanent", 0, NULL, "nobody can delete it before its time" },
	{ "send-object-to", 0, "ADDRESS", "the Sui address that gets the blob's object" },
	{ "seal", 's', "TENANT|ID",
	  "encrypt it, for who hosts a lease of this Sui address; or for a seal id that is there" },
	{ "output", 'o', "FILE", "keep what is sent as FILE as well" },
	{ "dry-run", 0, NULL, "pack and name it, and send nothing" },
	{ "shards", 0, "N", "shards of the Walrus committee; 1000 unless given" },
	{},
};

/* What is published, on its way. */
struct parcel {
	struct pack pack; /* made here; or its tarball is the user's and dir "" */
	struct sealing sealing;
	struct blobid blob; /* of what is sent */
	uint8_t digest[SHA512_LEN]; /* of the package */
	int fd; /* what is sent */
	bool sent;
	struct publish_result result;
};

static void parcel_fini(struct parcel *p)
{
	close_fd(&p->fd);
	pack_fini(&p->pack);
}

static int take_file(const char *path, struct parcel *p, struct err *err)
{
	int r = path_format(p->pack.tarball, sizeof(p->pack.tarball), "%s", path);

	return r < 0 ? err_errno(err, r, "%.200s", path) : 0;
}

static int make_parcel(struct cli *cli, struct parcel *p, struct err *err)
{
	const char *dir = cli_arg(cli, 0), *git = cli_flag(cli, "git"), *ref = cli_flag(cli, "ref");
	struct stat st;

	if (!dir == !git)
		return cli_usage(cli, err, "workload publish: name either DIR or --git REPO");
	if (ref && !git)
		return cli_usage(cli, err, "workload publish: --ref is for --git");
	if (git)
		return pack_git(git, ref, &p->pack, err);
	if (stat(dir, &st) == 0 && S_ISREG(st.st_mode))
		return take_file(dir, p, err);
	return pack_dir(dir, &p->pack, err);
}

/* From its beginning, whatever its offset. */
static int each_chunk(int fd, int (*take)(void *arg, const void *data, size_t len), void *arg)
{
	uint8_t chunk[CHUNK];
	ssize_t n;
	int r = 0;

	for (uint64_t at = 0; r == 0 && (n = pread(fd, chunk, sizeof(chunk), (off_t)at)) != 0;
	     at += (uint64_t)n)
		r = n < 0 ? -errno : take(arg, chunk, (size_t)n);
	return r;
}

static int hash_chunk(void *arg, const void *data, size_t len)
{
	sha512_update(arg, data, len);
	return 0;
}

static int put_chunk(void *arg, const void *data, size_t len)
{
	return file_put(*(const int *)arg, data, len);
}

static int hash(struct parcel *p)
{
	cleanup(sha512_free) struct sha512 *hash = NULL;
	int r = sha512_new(&hash);

	if (r == 0)
		r = each_chunk(p->fd, hash_chunk, hash);
	if (r == 0)
		sha512_final(hash, p->digest);
	return r;
}

static int open_parcel(const struct config *cfg, struct parcel *p, struct err *err)
{
	const char *path = p->pack.tarball;

	if (p->sealing.id_len)
		return sealing_apply(&p->sealing, path, cfg->walrus.max_blob_bytes, p->digest,
				     &p->fd, err);
	p->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	return p->fd < 0 ? err_errno(err, -errno, "opening %s", path) : 0;
}

static int name_parcel(struct cli *cli, const struct config *cfg, struct parcel *p, struct err *err)
{
	struct blobid_options options = {};
	int r = walrus_shards(cli, &options.shards, err);

	if (r == 0)
		r = open_parcel(cfg, p, err);
	if (r < 0)
		return r;
	r = blobid_of(p->fd, &options, &p->blob, err);
	if (r == 0 && p->blob.size > cfg->walrus.max_blob_bytes)
		return err_set(err, -E2BIG,
			       "the package has %" PRIu64 " bytes; nodes fetch up to %" PRIu64
			       " (walrus.maxBlobBytes)",
			       p->blob.size, cfg->walrus.max_blob_bytes);
	if (r == 0 && !p->sealing.id_len && hash(p) < 0)
		return err_errno(err, -EIO, "reading %s", p->pack.tarball);
	return r;
}

static int copy_parcel(int fd, void *arg)
{
	const struct parcel *p = arg;

	return each_chunk(p->fd, put_chunk, &fd);
}

static int keep_parcel(struct cli *cli, struct parcel *p, struct err *err)
{
	const char *output = cli_flag(cli, "output");

	return output ? file_write_atomic_by(output, copy_parcel, p, 0644, err) : 0;
}

static int send_parcel(struct cli *cli, const struct config *cfg, struct parcel *p, struct err *err)
{
	struct publish want = {
		.url = cfg->walrus.publisher,
		.fd = p->fd,
		.blob = &p->blob,
		.epochs = 1,
		.permanent = cli_flag(cli, "permanent"),
		.send_object_to = cli_flag(cli, "send-object-to"),
	};
	static const struct number_range n = { NUMBER_COUNT, 1, PUBLISH_EPOCHS_MAX };
	const char *to = want.send_object_to;
	uint64_t epochs = want.epochs;
	int r = number_flag(cli, "epochs", &n, &epochs, err);

	if (r < 0)
		return r;
	want.epochs = (uint32_t)epochs;
	if (to && (strncmp(to, "0x", 2) != 0 || strlen(to) >= PUBLISH_OBJECT_MAX ||
		   to[2 + strspn(to + 2, "0123456789abcdef")]))
		return cli_usage(cli, err, "--send-object-to: '%.80s' is not a Sui address 0x...",
				 to);
	if (cli_flag(cli, "dry-run"))
		return 0;
	if (!*cfg->walrus.publisher)
		return err_set(
			err, -EINVAL,
			"no publisher is set; set walrus.publisher (there is no public one on "
			"Mainnet), or use --dry-run");
	r = publish_blob(&want, &p->result, err);
	p->sent = r == 0;
	return r;
}

/* What to do next, with everything filled in that is known. */
static void describe_commands(const struct parcel *p, const char *id, const char *sri,
			      struct json *o)
{
	bool sealed = p->sealing.id_len;
	char text[COMMAND_MAX];

	json_set_str(o, "lease_command",
		     sealed ? "weir lease open LEASE --object ID, of a lease on chain that names "
			      "blob_id_u256, integrity and seal_id" :
			      "weir lease open LEASE --tenant YOU --deposit AMOUNT --core-second "
			      "AMOUNT --gib-second AMOUNT");
	snprintf(
		text, sizeof(text),
		"weir workload pull %s%s && weir workload run NAME %s --integrity %s --lease LEASE "
		"--cgroup PATH",
		id, sealed ? " --unseal LEASE" : "", id, sri);
	json_set_str(o, "run_command", text);
	if (!p->sent)
		return;
	snprintf(text, sizeof(text),
		 "before epoch %" PRIu64 ": weir workload publish FILE --epochs N%s",
		 p->result.end_epoch,
		 sealed ? ", of FILE as --output keeps it: to encrypt again makes another blob" :
			  "");
	json_set_str(o, "renew", text);
}

static void describe_result(const struct publish_result *r, struct json *o)
{
	json_set_bool(o, "was_stored", r->was_stored);
	member_number(o, "start_epoch", r->start_epoch);
	json_set_u64(o, "end_epoch", r->end_epoch);
	json_set_u64_text(o, "cost_frost", r->cost);
	member_number(o, "encoded_bytes", r->encoded_bytes);
	member_text(o, "object", r->object);
	json_set_bool(o, "deletable", r->deletable);
}

static int describe(const struct parcel *p, struct json **ret)
{
	char id[BLOBNAME_MAX], decimal[BLOBNAME_DECIMAL_MAX], sri[SRI_TEXT_MAX];
	struct json *o = json_new_object();

	member_text(o, "package", p->pack.name);
	member_text(o, "version", p->pack.version);
	member_text(o, "commit", p->pack.commit);
	member_number(o, "files", p->pack.files);
	json_set_u64(o, "bundled_packages", p->pack.bundled);
	json_set_u64(o, "bytes", p->blob.size);
	json_set_str(o, "blob_id", blobname_format(p->blob.id, id));
	json_set_str(o, "blob_id_u256", blobname_decimal(p->blob.id, decimal));
	json_set_str(o, "integrity", sri_format(p->digest, sri));
	if (p->sealing.id_len)
		sealing_describe(&p->sealing, o);
	json_set_bool(o, "published", p->sent);
	if (p->sent)
		describe_result(&p->result, o);
	describe_commands(p, id, sri, o);
	if (!o)
		return -ENOMEM;
	*ret = o;
	return 0;
}

int walrus_publish(struct cli *cli, struct json **ret, struct err *err)
{
	cleanup(parcel_fini) struct parcel parcel = { .fd = -1 };
	const struct config *cfg;
	int rc = cli_config(cli, &cfg, err);

	if (rc == 0)
		rc = sealing_read(cli, cfg, &parcel.sealing, err);
	if (rc == 0)
		rc = make_parcel(cli, &parcel, err);
	if (rc == 0)
		rc = name_parcel(cli, cfg, &parcel, err);
	if (rc == 0)
		rc = keep_parcel(cli, &parcel, err);
	if (rc == 0)
		rc = send_parcel(cli, cfg, &parcel, err);
	return rc < 0 ? rc : describe(&parcel, ret);
}
