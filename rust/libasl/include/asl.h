/*
 * libasl: what a program on an ASL node can ask without a server.
 *
 * Link with -lasl, or dlopen("libasl.so.0"). Every function may be called from
 * any thread. No function writes to a device.
 */
#ifndef ASL_H
#define ASL_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Results. Numbers are never given a new meaning; new ones may be added. */
#define ASL_OK 0
#define ASL_EINVAL 1     /* a pointer is NULL, or a path is not usable */
#define ASL_EIO 2        /* the system refused; see asl_last_error() */
#define ASL_ENOMODE 3    /* there is no mode file: preflight has not run */
#define ASL_EBADMODE 4   /* the mode file is garbled */
#define ASL_EOTHERMODE 5 /* the mode file is of another schema or another boot */
#define ASL_ENOTPROBE 6  /* neither a block device nor a regular file */
#define ASL_EINTERNAL 7  /* a defect of the library */

/* The mode of this boot, the fields of /run/asl/mode. The library makes and
 * frees it, so fields may be added at the end. Strings are UTF-8. */
struct asl_mode {
	const char *mode;    /* "none", "local", "import" or "remote" */
	const char *code;    /* a stable short word */
	const char *rule;    /* the name of the rule that decided */
	const char *access;  /* "ro" or "rw" */
	const char *backend; /* "posix", "remote" or "none" */
	const char *source;  /* a device node or an endpoint */
	const char *store;   /* the store's id */
	const char *mount;   /* the directory where it is mounted */
	const char *reason;  /* a sentence */
	const char *hint;    /* what to do next */
	const char *boot_id; /* the boot that it belongs to */
	uint64_t generation; /* counts the decisions of this boot, from 1 */
	uint32_t schema;     /* of the mode file */
};

/* Version of the library, "0.1.0". Never NULL, never to be freed. */
const char *asl_version(void);

/* What a result means, in English. Never NULL, never to be freed. */
const char *asl_strerror(int error);

/* Where and what exactly went wrong in the last call of this thread that
 * returned an error; "" before any did. Valid until this thread's next call
 * that returns an error. Never NULL, never to be freed. */
const char *asl_last_error(void);

/* Reads a mode file; path NULL means /run/asl/mode. On ASL_OK *out is to be
 * freed with asl_mode_free(), otherwise *out is NULL. */
int asl_mode_read(const char *path, struct asl_mode **out);

/* Frees what asl_mode_read() made; NULL is ignored. */
void asl_mode_free(struct asl_mode *mode);

/* Says what is on a block device or in an image file, as one JSON object, the
 * form of a device in /run/asl/facts.json. On ASL_OK *json_out is to be freed
 * with asl_free(), otherwise *json_out is NULL. Damage is part of the answer
 * and no error. */
int asl_probe_file(const char *path, char **json_out);

/* Frees a string that the library made; NULL is ignored. */
void asl_free(char *string);

#ifdef __cplusplus
}
#endif

#endif
