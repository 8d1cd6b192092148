/* SPDX-License-Identifier: Apache-2.0 */
#include "core/option.h"

#include <ctype.h>
#include <errno.h>
#include <strings.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/json.h"
#include "core/near.h"
#include "core/option_kind.h"
#include "core/yaml.h"

/* Keys and values of a user's text in an error: one line, not endless. */
#define SHOWN 48

static const char *shown(const char *text, char ret[SHOWN + 4])
{
	size_t len = strnlen(text, SHOWN + 1);

	for (size_t i = 0; i < len && i < SHOWN; i++)
		ret[i] = (unsigned char)text[i] < ' ' || text[i] == 0x7f ? '?' : text[i];
	snprintf(ret + (len < SHOWN ? len : SHOWN), 4, "%s", len > SHOWN ? "..." : "");
	return ret;
}

/* ---- Names ---------------------------------------------------------------------------------- */

static size_t section_len(const char *key)
{
	return strcspn(key, ".");
}

static bool same_section(const struct option_spec *o, const char *name, size_t len)
{
	return section_len(o->key) == len && strncmp(o->key, name, len) == 0;
}

/* clusterCIDRs -> cluster-cidrs: a run of capitals is one word. */
static char *split_words(const char *prefix, const char *key, char sep, int (*cased)(int),
			 char *ret)
{
	size_t n = (size_t)snprintf(ret, OPTION_NAME_MAX, "%s", prefix);

	for (const char *c = key; *c && n + 2 < OPTION_NAME_MAX; c++) {
		if (*c == '.' || (isupper((unsigned char)*c) && !isupper((unsigned char)c[-1])))
			ret[n++] = sep;
		if (*c != '.')
			ret[n++] = (char)cased((unsigned char)*c);
	}
	ret[n] = '\0';
	return ret;
}

char *option_flag(const struct option_spec *o, char ret[OPTION_NAME_MAX])
{
	return split_words("--", o->key, '-', tolower, ret);
}

char *option_variable(const struct option_set *s, const struct option_spec *o,
		      char ret[OPTION_NAME_MAX])
{
	return split_words(s->env_prefix, o->key, '_', toupper, ret);
}

/* How a name is written where the user wrote it: key, flag or variable. */
typedef char *name_fn(const struct option_set *s, const struct option_spec *o, char *ret);

static char *name_key(const struct option_set *s, const struct option_spec *o, char *ret)
{
	(void)s;
	snprintf(ret, OPTION_NAME_MAX, "%s", o->key);
	return ret;
}

static char *name_flag(const struct option_set *s, const struct option_spec *o, char *ret)
{
	(void)s;
	return option_flag(o, ret);
}

static char *name_variable(const struct option_set *s, const struct option_spec *o, char *ret)
{
	return option_variable(s, o, ret);
}

/* The option whose name is two edits away at most, or whose key has this last part; else NULL. */
static const struct option_spec *nearest(const struct option_set *s, const char *name, name_fn *as)
{
	const struct option_spec *best = NULL;
	const char *dot = strchr(name, '.');
	size_t least = 3;
	char text[OPTION_NAME_MAX];

	for (size_t i = 0; i < s->n; i++) {
		const char *last = s->specs[i].key + section_len(s->specs[i].key) + 1;
		size_t d = near_distance(name, as(s, &s->specs[i], text));

		if (d >= least && strcasecmp(dot ? dot + 1 : name, last) == 0)
			d = 2;
		if (d < least) {
			least = d;
			best = &s->specs[i];
		}
	}
	return best;
}

static const struct option_spec *find(const struct option_set *s, const char *name, size_t len,
				      name_fn *as)
{
	char text[OPTION_NAME_MAX];

	for (size_t i = 0; i < s->n; i++) {
		as(s, &s->specs[i], text);
		if (strncmp(text, name, len) == 0 && text[len] == '\0')
			return &s->specs[i];
	}
	return NULL;
}

/* ---- Defaults and freeing ------------------------------------------------------------------- */

int option_defaults(const struct option_set *s, struct err *err)
{
	for (size_t i = 0; i < s->n; i++) {
		int r = option_set_text(&s->specs[i], s->base, s->specs[i].fallback, err);

		if (r < 0) {
			err_wrap(err, "default of %s", s->specs[i].key);
			return r;
		}
	}
	return 0;
}

void option_free(const struct option_set *s)
{
	for (size_t i = 0; i < s->n; i++)
		option_clear(&s->specs[i], s->base);
}

/* ---- YAML ----------------------------------------------------------------------------------- */

struct document {
	const struct option_set *set;
	const struct yaml *yaml;
	const char *name;
};

static int fail_at(const struct document *src, const struct json *node, int code, struct err *err)
{
	char key[SHOWN + 4];

	err_wrap(err, "%s:%u: %s", src->name, yaml_line(src->yaml, node),
		 shown(json_key(node), key));
	return code;
}

/* "sample, window, ..." of a section, or the sections when name is NULL. */
static void list_names(const struct option_set *s, const char *section, struct buf *out)
{
	for (size_t i = 0; i < s->n; i++) {
		const char *key = s->specs[i].key;
		size_t len = section_len(key);

		if (section && !same_section(&s->specs[i], section, strlen(section)))
			continue;
		if (!section && i > 0 && same_section(&s->specs[i - 1], key, len))
			continue;
		buf_printf(out, "%s%.*s", out->len ? ", " : "", section ? 99 : (int)len,
			   section ? key + len + 1 : key);
	}
}

static int fail_unknown(const struct document *src, const char *section, const struct json *node,
			struct err *err)
{
	cleanup(buf_fini) struct buf names = BUF_INIT(400);
	char full[NEAR_MAX * 2], key[SHOWN + 4];
	const struct option_spec *near;

	shown(json_key(node), key);
	snprintf(full, sizeof(full), "%s%s%s", section ? section : "", section ? "." : "", key);
	near = nearest(src->set, full, name_key);
	if (near)
		return err_set(err, -EINVAL, "%s:%u: %s: unknown key; did you mean %s", src->name,
			       yaml_line(src->yaml, node), full, near->key);
	list_names(src->set, section, &names);
	return err_set(err, -EINVAL, "%s:%u: %s: unknown key; use one of %s", src->name,
		       yaml_line(src->yaml, node), full, names.data ? names.data : "");
}

static int read_section(const struct document *src, const struct json *section, struct err *err)
{
	const char *name = json_key(section);

	if (json_type(section) == JSON_NULL)
		return 0;
	if (json_type(section) != JSON_OBJECT) {
		err_set(err, -EINVAL, "must be a mapping of keys to values");
		return fail_at(src, section, -EINVAL, err);
	}
	json_foreach(node, section) {
		char key[OPTION_NAME_MAX];
		const struct option_spec *o = NULL;
		int r, len = snprintf(key, sizeof(key), "%s.%s", name, json_key(node));

		if (len < (int)sizeof(key))
			o = find(src->set, key, (size_t)len, name_key);
		if (!o)
			return fail_unknown(src, name, node, err);
		r = option_set_json(o, src->set->base, section, node, err);
		if (r < 0) {
			err_wrap(err, "%s:%u: %s", src->name, yaml_line(src->yaml, node), o->key);
			return r;
		}
	}
	return 0;
}

static int read_root(const struct document *src, const struct json *root, struct err *err)
{
	if (json_type(root) == JSON_NULL)
		return 0;
	if (json_type(root) != JSON_OBJECT)
		return err_set(err, -EINVAL,
			       "%s:%u: must be a mapping of sections, such as meter:", src->name,
			       yaml_line(src->yaml, root));
	json_foreach(node, root) {
		const char *name = json_key(node);
		bool known = false;
		int r;

		for (size_t i = 0; i < src->set->n && !known; i++)
			known = same_section(&src->set->specs[i], name, strlen(name));
		r = known ? read_section(src, node, err) : fail_unknown(src, NULL, node, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int option_yaml(const struct option_set *s, const char *text, size_t len, const char *name,
		struct err *err)
{
	cleanup(yaml_free) struct yaml *yaml = NULL;
	struct document src = { .set = s, .name = name };
	int r = yaml_parse(text, len, name, &yaml, err);

	if (r < 0)
		return r;
	src.yaml = yaml;
	if (yaml_len(yaml) > 1)
		return err_set(err, -EINVAL, "%s:%u: a second document; use one", name,
			       yaml_line(yaml, yaml_doc(yaml, 1)));
	return yaml_len(yaml) ? read_root(&src, yaml_doc(yaml, 0), err) : 0;
}

/* ---- Environment and flags ------------------------------------------------------------------ */

/* True when what follows the prefix begins with a section's name and '_'. */
static bool names_section(const struct option_set *s, const char *rest)
{
	for (size_t i = 0; i < s->n; i++) {
		size_t len = section_len(s->specs[i].key);

		if (strncasecmp(rest, s->specs[i].key, len) == 0 && rest[len] == '_')
			return true;
	}
	return false;
}

static int warn_variable(const struct option_set *s, const char *name,
			 struct option_strings *warnings)
{
	const struct option_spec *near = nearest(s, name, name_variable);
	char line[256], text[SHOWN + 4], variable[OPTION_NAME_MAX];

	snprintf(line, sizeof(line), "%s: no such variable%s%s, ignored", shown(name, text),
		 near ? "; did you mean " : "", near ? option_variable(s, near, variable) : "");
	return option_strings_add(warnings, line);
}

int option_env(const struct option_set *s, char *const *env, struct option_strings *warnings,
	       struct err *err)
{
	size_t prefix = strlen(s->env_prefix);

	for (; *env; env++) {
		char name[OPTION_NAME_MAX];
		size_t len = strcspn(*env, "=");
		const struct option_spec *o;
		int r = 0;

		if (strncmp(*env, s->env_prefix, prefix) != 0 || (*env)[len] != '=')
			continue;
		o = find(s, *env, len, name_variable);
		snprintf(name, sizeof(name), "%.*s", len < sizeof(name) ? (int)len : 79, *env);
		if (o)
			r = option_set_text(o, s->base, *env + len + 1, err);
		else if (names_section(s, name + prefix))
			r = warn_variable(s, name, warnings);
		if (r < 0) {
			err_wrap(err, "%s", name);
			return r;
		}
	}
	return 0;
}

static int fail_flag(const struct option_set *s, const char *arg, size_t len, struct err *err)
{
	const struct option_spec *near;
	char name[OPTION_NAME_MAX], text[SHOWN + 4], flag[OPTION_NAME_MAX];

	if (strncmp(arg, "--", 2) != 0)
		return err_set(err, -EINVAL, "%s: unexpected argument; use --SECTION-KEY VALUE",
			       shown(arg, text));
	snprintf(name, sizeof(name), "%.*s", len < sizeof(name) ? (int)len : 79, arg);
	near = nearest(s, name, name_flag);
	return err_set(err, -EINVAL, "%s: unknown option; %s%s", shown(name, text),
		       near ? "did you mean " : "see help", near ? option_flag(near, flag) : "");
}

int option_flags(const struct option_set *s, size_t argc, char *const *argv, struct err *err)
{
	for (size_t i = 0; i < argc; i++) {
		const char *arg = argv[i], *value = NULL;
		size_t len = strcspn(arg, "=");
		const struct option_spec *o = find(s, arg, len, name_flag);
		int r;

		if (!o)
			return fail_flag(s, arg, len, err);
		if (arg[len] == '=')
			value = arg + len + 1;
		else if (o->type == OPTION_BOOL)
			value = "true";
		else if (i + 1 < argc)
			value = argv[++i];
		else
			return err_set(err, -EINVAL, "%s: needs a value", arg);
		r = option_set_text(o, s->base, value, err);
		if (r < 0) {
			err_wrap(err, "%.*s", (int)len, arg);
			return r;
		}
	}
	return 0;
}

/* ---- Rendering ------------------------------------------------------------------------------ */

int option_render(const struct option_set *s, struct buf *out)
{
	for (size_t i = 0; i < s->n; i++) {
		const char *key = s->specs[i].key;
		size_t len = section_len(key);

		if (i == 0 || !same_section(&s->specs[i - 1], key, len))
			buf_printf(out, "%.*s:\n", (int)len, key);
		buf_printf(out, "  %s: ", key + len + 1);
		option_put_yaml(&s->specs[i], s->base, out);
		buf_puts(out, "\n");
	}
	return buf_error(out);
}

int option_help(const struct option_set *s, struct buf *out)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct option_spec *o = &s->specs[i];
		char flag[OPTION_NAME_MAX], variable[OPTION_NAME_MAX];

		buf_printf(out, "  %s %s\n", option_flag(o, flag), option_kind(o)->metavar);
		buf_printf(out, "      %s", o->help);
		for (size_t c = 0; o->type == OPTION_CHOICE && o->choices[c]; c++)
			buf_printf(out, "%s%s", c ? " | " : ": ", o->choices[c]);
		buf_printf(out, " (%s%s)\n", *o->fallback ? "default " : "no default", o->fallback);
		buf_printf(out, "      %s, %s\n", o->key, option_variable(s, o, variable));
	}
	return buf_error(out);
}
