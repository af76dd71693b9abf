/*
 * What a C program sees of libasl. Arguments: a sound mode file, a bad one, an
 * image. Ends with the line number of the first thing that is not so.
 */
#include <asl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define CHECK(what)                                                         \
	do {                                                                \
		if (!(what)) {                                              \
			fprintf(stderr, "%d: %s; last error: %s\n",         \
				__LINE__, #what, asl_last_error());         \
			return 1;                                           \
		}                                                           \
	} while (0)

int main(int argc, char **argv)
{
	struct asl_mode *mode = (struct asl_mode *)1;
	char *json = (char *)1;

	CHECK(argc == 4);
	CHECK(strcmp(asl_last_error(), "") == 0);
	printf("version %s\n", asl_version());
	for (int error = ASL_OK; error <= ASL_EINTERNAL; error++)
		CHECK(strcmp(asl_strerror(error), asl_strerror(-1)) != 0);

	CHECK(asl_mode_read(argv[1], &mode) == ASL_OK);
	CHECK(strcmp(mode->mode, "local") == 0);
	CHECK(strcmp(mode->hint, "h") == 0);
	CHECK(mode->generation == 7 && mode->schema == 1);
	asl_mode_free(mode);

	CHECK(asl_mode_read(argv[2], &mode) == ASL_EBADMODE);
	CHECK(mode == NULL);
	CHECK(strstr(asl_last_error(), argv[2]) != NULL);
	CHECK(asl_mode_read("/nonexistent", &mode) == ASL_ENOMODE);
	CHECK(asl_mode_read(argv[1], NULL) == ASL_EINVAL);

	CHECK(asl_probe_file(argv[3], &json) == ASL_OK);
	CHECK(strstr(json, "\"signatures\"") != NULL);
	printf("json %s\n", json);
	asl_free(json);
	CHECK(asl_probe_file("/dev/null", &json) == ASL_ENOTPROBE);
	CHECK(json == NULL);
	CHECK(asl_probe_file("/nonexistent", &json) == ASL_EIO);
	CHECK(asl_probe_file(NULL, &json) == ASL_EINVAL);
	CHECK(asl_probe_file(argv[3], NULL) == ASL_EINVAL);

	asl_free(NULL);
	asl_mode_free(NULL);
	printf("layout %zu %zu %zu\n", sizeof(struct asl_mode),
	       offsetof(struct asl_mode, boot_id),
	       offsetof(struct asl_mode, schema));
	return 0;
}
