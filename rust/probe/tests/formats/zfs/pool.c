/*
 * Makes a pool on files without the kernel module: libzpool is the whole of
 * ZFS in a library.
 *
 *   pool NAME ASHIFT VDEV... [-- STEP...]
 *
 * VDEV as `zpool create` takes them: PATH, mirror, raidz1, draid1 (two data
 * devices and one spare), log, special, spare, cache. Paths are absolute; what
 * is not there becomes a file of 64 MiB, or of SIZE MiB.
 * STEP: offline=PATH, detach=PATH, remove=PATH, replace=PATH,PATH, multihost,
 * sleep=SECONDS, store=DATASET or store=DATASET,DIRECTORY (a new file system with
 * a store in it), export, destroy. Without export or destroy the pool is left
 * as a crash leaves it.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct nvlist nvlist_t;
typedef struct spa spa_t;
enum { SPA_MODE_READ_WRITE = 3, NV_UNIQUE_NAME = 1, MOST = 64 };

void kernel_init(int);
int nvlist_alloc(nvlist_t **, unsigned, int);
int nvlist_add_string(nvlist_t *, const char *, const char *);
int nvlist_add_uint64(nvlist_t *, const char *, uint64_t);
int nvlist_add_nvlist_array(nvlist_t *, const char *, nvlist_t *const *, unsigned);
int nvlist_lookup_nvlist(nvlist_t *, const char *, nvlist_t **);
int nvlist_lookup_nvlist_array(nvlist_t *, const char *, nvlist_t ***, unsigned *);
int nvlist_lookup_uint64(nvlist_t *, const char *, uint64_t *);
int nvlist_lookup_string(nvlist_t *, const char *, const char **);
int spa_create(const char *, nvlist_t *, nvlist_t *, nvlist_t *, void *);
int spa_open(const char *, spa_t **, const void *);
void spa_close(spa_t *, const void *);
int spa_export(const char *, nvlist_t **, int, int);
int spa_destroy(const char *);
int spa_prop_set(spa_t *, nvlist_t *);
int spa_vdev_remove(spa_t *, uint64_t, int);
int spa_vdev_attach(spa_t *, uint64_t, nvlist_t *, int, int);
int spa_vdev_detach(spa_t *, uint64_t, uint64_t, int);
int vdev_offline(spa_t *, uint64_t, uint64_t);
nvlist_t *spa_config_generate(spa_t *, void *, uint64_t, int);
void *spa_get_dsl(spa_t *);
void txg_wait_synced(void *, uint64_t);

static uint64_t ashift;

static void check(int error, const char *what)
{
	if (error != 0) {
		fprintf(stderr, "%s: error %d\n", what, error);
		_exit(1);
	}
}

static nvlist_t *list(void)
{
	nvlist_t *new;
	check(nvlist_alloc(&new, NV_UNIQUE_NAME, 0), "nvlist_alloc");
	return new;
}

static nvlist_t *leaf(const char *path)
{
	int file = open(path, O_RDWR | O_CREAT, 0644);
	const char *mib = getenv("SIZE");
	if (lseek(file, 0, SEEK_END) == 0)
		check(ftruncate(file, (mib ? atol(mib) : 64) << 20), path);
	close(file);
	nvlist_t *vdev = list();
	nvlist_add_string(vdev, "type", "file");
	nvlist_add_string(vdev, "path", path);
	nvlist_add_uint64(vdev, "ashift", ashift);
	return vdev;
}

/* A top-level device: a path, or a word and the paths behind it. */
static nvlist_t *top(char ***words)
{
	const char *word = *(*words)++;
	if (word[0] == '/')
		return leaf(word);
	nvlist_t *vdev = list(), *parts[MOST];
	unsigned count = 0;
	while (**words != NULL && ***words == '/')
		parts[count++] = leaf(*(*words)++);
	nvlist_add_nvlist_array(vdev, "children", parts, count);
	nvlist_add_uint64(vdev, "ashift", ashift);
	const char *kinds[] = {"mirror", "raidz", "draid"};
	for (int i = 0; i < 3; i++)
		if (strncmp(word, kinds[i], strlen(kinds[i])) == 0)
			nvlist_add_string(vdev, "type", kinds[i]);
	if (word[0] != 'm')
		nvlist_add_uint64(vdev, "nparity", atoi(word + 5));
	if (word[0] == 'd') {
		nvlist_add_uint64(vdev, "draid_ndata", 2);
		nvlist_add_uint64(vdev, "draid_nspares", 1);
		/* Groups of 2 data and the parity fill whole rows of the rest. */
		nvlist_add_uint64(vdev, "draid_ngroups", count - 1);
	}
	return vdev;
}

static uint64_t guid_in(nvlist_t *vdev, const char *path)
{
	const char *known, *names[] = {"children", "spares", "l2cache"};
	uint64_t guid = 0;
	nvlist_t **parts;
	unsigned count;
	if (nvlist_lookup_string(vdev, "path", &known) == 0 && strcmp(known, path) == 0)
		nvlist_lookup_uint64(vdev, "guid", &guid);
	for (int i = 0; i < 3 && guid == 0; i++)
		if (nvlist_lookup_nvlist_array(vdev, names[i], &parts, &count) == 0)
			for (unsigned part = 0; part < count && guid == 0; part++)
				guid = guid_in(parts[part], path);
	return guid;
}

static uint64_t guid_of(spa_t *spa, const char *path)
{
	nvlist_t *root;
	nvlist_t *config = spa_config_generate(spa, NULL, -1, 0);
	check(nvlist_lookup_nvlist(config, "vdev_tree", &root), "vdev_tree");
	return guid_in(root, path);
}

static void create(const char *name, char ***words)
{
	nvlist_t *tops[MOST], *spares[MOST], *caches[MOST];
	unsigned ntops = 0, nspares = 0, ncaches = 0;
	const char *class = "";
	while (**words != NULL && strcmp(**words, "--") != 0) {
		const char *word = **words;
		if (strcmp(word, "log") == 0 || strcmp(word, "special") == 0 ||
		    strcmp(word, "spare") == 0 || strcmp(word, "cache") == 0) {
			class = word;
			++*words;
		} else if (strcmp(class, "spare") == 0) {
			spares[nspares++] = leaf(*(*words)++);
		} else if (strcmp(class, "cache") == 0) {
			caches[ncaches++] = leaf(*(*words)++);
		} else {
			nvlist_t *vdev = tops[ntops++] = top(words);
			nvlist_add_uint64(vdev, "is_log", strcmp(class, "log") == 0);
			if (class[0] != '\0')
				nvlist_add_string(vdev, "alloc_bias", class);
		}
	}
	nvlist_t *root = list(), *props = list();
	nvlist_add_string(root, "type", "root");
	nvlist_add_nvlist_array(root, "children", tops, ntops);
	if (nspares != 0)
		nvlist_add_nvlist_array(root, "spares", spares, nspares);
	if (ncaches != 0)
		nvlist_add_nvlist_array(root, "l2cache", caches, ncaches);
	const char *features[] = {"async_destroy", "device_removal", "draid", "embedded_data",
	    "enabled_txg", "extensible_dataset", "hole_birth", "allocation_classes",
	    "obsolete_counts", "spacemap_histogram", "vdev_zaps_v2"};
	for (unsigned i = 0; i < sizeof (features) / sizeof (features[0]); i++) {
		char property[64];
		snprintf(property, sizeof (property), "feature@%s", features[i]);
		nvlist_add_uint64(props, property, 0);
	}
	check(spa_create(name, root, props, NULL, NULL), "create");
}

#include "../../../../tree/tests/images/pools/store.c"

static void step(const char *name, spa_t *spa, char *word)
{
	char *path = strchr(word, '='), *other = strchr(word, ',');
	int error = 0;
	if (path != NULL)
		*path++ = '\0';
	if (other != NULL)
		*other++ = '\0';
	if (strcmp(word, "export") == 0 || strcmp(word, "destroy") == 0) {
		spa_close(spa, "pool");
		error = word[0] == 'e' ? spa_export(name, NULL, 0, 0) : spa_destroy(name);
		check(error, word);
		_exit(0);
	} else if (strcmp(word, "store") == 0) {
		error = dmu_objset_create(path, DMU_OST_ZFS, 0, NULL, fill, other);
	} else if (strcmp(word, "multihost") == 0) {
		nvlist_t *props = list();
		nvlist_add_uint64(props, "multihost", 1);
		error = spa_prop_set(spa, props);
	} else if (strcmp(word, "offline") == 0) {
		error = vdev_offline(spa, guid_of(spa, path), 0);
	} else if (strcmp(word, "detach") == 0) {
		error = spa_vdev_detach(spa, guid_of(spa, path), 0, 0);
	} else if (strcmp(word, "sleep") == 0) {
		sleep(atoi(path));
	} else if (strcmp(word, "remove") == 0) {
		error = spa_vdev_remove(spa, guid_of(spa, path), 0);
	} else if (strcmp(word, "replace") == 0) {
		nvlist_t *root = list(), *parts[] = {leaf(other)};
		nvlist_add_string(root, "type", "root");
		nvlist_add_nvlist_array(root, "children", parts, 1);
		error = spa_vdev_attach(spa, guid_of(spa, path), root, 1, 0);
	} else {
		error = -1;
	}
	check(error, word);
}

int main(int argc, char **argv)
{
	spa_t *spa;
	if (argc < 4)
		return 2;
	char **words = argv + 3;
	ashift = atoi(argv[2]);
	kernel_init(SPA_MODE_READ_WRITE);
	create(argv[1], &words);
	check(spa_open(argv[1], &spa, "pool"), "open");
	txg_wait_synced(spa_get_dsl(spa), 0);
	while (*words != NULL && *++words != NULL) {
		step(argv[1], spa, *words);
		txg_wait_synced(spa_get_dsl(spa), 0);
	}
	/* No clean end: its threads stop where they are. */
	_exit(0);
}
